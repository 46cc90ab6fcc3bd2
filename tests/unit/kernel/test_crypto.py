"""Sealing: what was sealed opens, and nothing else does."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.kernel.crypto import Keyring, Unsealable, new_token, same, token_hash
from audifi.kernel.settings import Secret


def key(byte: int) -> str:
    return base64.b64encode(bytes([byte]) * 32).decode()


RING = Keyring(Secret(f"k2:{key(2)},k1:{key(1)}"))
OLD = Keyring(Secret(f"k1:{key(1)}"))


@given(st.binary(max_size=300), st.text(max_size=40))
def test_what_was_sealed_opens_only_in_its_place(plain: bytes, context: str) -> None:
    context = context.encode("utf-8", "ignore").decode()
    sealed = RING.seal(plain, context=context)
    assert RING.open(sealed, context=context) == plain
    with pytest.raises(Unsealable):
        RING.open(sealed, context=context + "x")


@given(st.integers(min_value=0, max_value=60), st.integers(min_value=1, max_value=255))
def test_a_changed_value_does_not_open(position: int, change: int) -> None:
    kid, _, text = RING.seal(b"x" * 40, context="row").partition(".")
    data = bytearray(base64.urlsafe_b64decode(text))
    data[position] ^= change
    with pytest.raises(Unsealable):
        RING.open(f"{kid}.{base64.urlsafe_b64encode(bytes(data)).decode()}", context="row")


@given(st.text(max_size=60))
def test_garbage_does_not_open(text: str) -> None:
    for sealed in (text, "k1." + text, "k2." + text):
        with pytest.raises(Unsealable):
            RING.open(sealed, context="row")


def test_old_keys_open_and_are_recognised_as_old() -> None:
    sealed = OLD.seal(b"secret", context="row")
    assert RING.open(sealed, context="row") == b"secret"
    assert not RING.is_current(sealed)
    assert RING.is_current(RING.seal(b"", context="row"))
    with pytest.raises(Unsealable):
        OLD.open(RING.seal(b"", context="row"), context="row")


@pytest.mark.parametrize("keys", ["", "k1", "k1:", "k1:AAAA", ":" + key(1), "k.1:" + key(1)])
def test_keys_that_are_none_are_refused_at_start(keys: str) -> None:
    with pytest.raises(ValueError, match="ENCRYPTION_KEYS"):
        Keyring(Secret(keys))


def test_tokens_are_long_hashed_and_compared() -> None:
    token = new_token()
    assert len(token) == 43
    assert len(token_hash(token)) == 32
    assert same(token, token.encode())
    assert not same(token, token + "x")
