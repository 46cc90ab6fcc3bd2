"""Access tokens and internal tokens: only what was signed for us, now, passes."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from audifi.kernel.encoding import base64url, unbase64url
from audifi.kernel.identity import Mfa, TokenVerifier
from audifi.kernel.internal import InternalTokens
from audifi.kernel.jwks import rsa_jwk, rsa_keys
from audifi.wire.problems import Unauthorized

NOW_S = 1_800_000_000
KEY = generate_private_key(65537, 2048)
OTHER = generate_private_key(65537, 2048)
CLAIMS = {
    "iss": "us", "aud": "all", "sub": "ada", "sid": "s1", "jti": "j1", "iat": NOW_S, "exp": NOW_S + 900,
    "roles": ["USER"], "mfa": "none",
}  # fmt: skip


class Fixed:
    """A clock that stands."""

    def __init__(self, now_s: float = NOW_S) -> None:
        self.time_s = now_s

    def now_s(self) -> float:
        return self.time_s

    def monotonic_s(self) -> float:
        return self.time_s

    def now(self) -> Any:
        raise NotImplementedError


class Keys:
    """A key source that counts how often it was asked to look again."""

    def __init__(self, *sets: Mapping[str, RSAPublicKey]) -> None:
        self._sets = list(sets)
        self.refreshed = 0

    async def keys(self, *, refresh: bool = False) -> Mapping[str, RSAPublicKey]:
        if refresh:
            self.refreshed += 1
            self._sets[:] = self._sets[1:] or self._sets
        return self._sets[0]


def signed(claims: Mapping[str, Any], *, header: Mapping[str, Any] | None = None, key: RSAPrivateKey = KEY) -> str:
    head = {"alg": "RS256", "kid": "k1", "typ": "JWT"} if header is None else header
    text = f"{base64url(json.dumps(head).encode())}.{base64url(json.dumps(claims).encode())}"
    return f"{text}.{base64url(key.sign(text.encode(), PKCS1v15(), SHA256()))}"


def verifier(*sets: Mapping[str, RSAPublicKey], clock: Fixed | None = None) -> TokenVerifier:
    source = Keys(*(sets or ({"k1": KEY.public_key()},)))
    return TokenVerifier(issuer="us", audience="all", source=source, clock=clock or Fixed())


def test_a_good_token_says_who() -> None:
    principal = asyncio.run(verifier().verify(signed({**CLAIMS, "plan": "pro", "wallet": "0xab"})))
    assert (principal.user_id, principal.session_id, principal.mfa, principal.plan) == ("ada", "s1", Mfa.NONE, "pro")
    assert principal.roles == frozenset({"USER"})


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "them"}, {"aud": "others"}, {"aud": ["all"]}, {"exp": NOW_S - 31}, {"iat": NOW_S + 31}, {"sub": ""},
        {"nbf": NOW_S + 31}, {"roles": "ADMIN"}, {"mfa": "yes"}, {"sid": ""}, {"exp": "later"}, {"exp": None},
    ],
)  # fmt: skip
def test_a_token_with_a_wrong_claim_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        asyncio.run(verifier().verify(signed({**CLAIMS, **changed})))


@pytest.mark.parametrize("missing", sorted(CLAIMS))
def test_a_token_that_lacks_a_claim_is_refused(missing: str) -> None:
    with pytest.raises(Unauthorized):
        asyncio.run(verifier().verify(signed({name: value for name, value in CLAIMS.items() if name != missing})))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": "k1"}, {"alg": "HS256", "kid": "k1"}, {"alg": "RS512", "kid": "k1"}, {"alg": "RS256"},
        {"alg": "RS256", "kid": "k2"}, {"alg": "RS256", "kid": "k1", "crit": ["x"]}, {"alg": "RS256", "kid": 1},
        {"alg": "RS256", "kid": "k1", "jwk": {}}, {"alg": "RS256", "kid": "k1", "typ": "JWE"},
    ],
)  # fmt: skip
def test_a_token_with_a_wrong_header_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        asyncio.run(verifier().verify(signed(CLAIMS, header=header)))


def test_a_token_of_another_key_is_refused() -> None:
    with pytest.raises(Unauthorized):
        asyncio.run(verifier().verify(signed(CLAIMS, key=OTHER)))


@given(st.integers(min_value=0, max_value=10_000), st.characters(codec="ascii"))
def test_a_token_changed_in_one_character_is_refused(position: int, character: str) -> None:
    token = signed(CLAIMS)
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]
    if changed != token:
        with pytest.raises(Unauthorized):
            asyncio.run(verifier().verify(changed))


@given(st.text(max_size=100))
def test_garbage_is_refused(token: str) -> None:
    with pytest.raises(Unauthorized):
        asyncio.run(verifier().verify(token))


def test_a_remembered_token_still_expires() -> None:
    clock = Fixed()
    checked, token = verifier(clock=clock), signed(CLAIMS)
    asyncio.run(checked.verify(token))
    clock.time_s = NOW_S + 929
    asyncio.run(checked.verify(token))
    clock.time_s = NOW_S + 930
    with pytest.raises(Unauthorized):
        asyncio.run(checked.verify(token))


def test_a_new_key_is_found_after_a_rotation() -> None:
    before, after = {"k1": OTHER.public_key()}, {"k1": OTHER.public_key(), "k2": KEY.public_key()}
    token = signed(CLAIMS, header={"alg": "RS256", "kid": "k2"})
    assert asyncio.run(verifier(before, after).verify(token)).user_id == "ada"


def test_a_published_key_reads_back() -> None:
    jwks = {"keys": [rsa_jwk("k1", KEY.public_key()), {"kty": "OKP", "kid": "other"}]}
    assert rsa_keys(jwks)["k1"].public_numbers() == KEY.public_key().public_numbers()


def internal(
    service: str, key: Ed25519PrivateKey, callers: dict[str, Ed25519PrivateKey], clock: Fixed
) -> InternalTokens:
    jwk = {"kty": "OKP", "crv": "Ed25519", "kid": f"internal-{service}", "d": base64url(key.private_bytes_raw())}
    keys = [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "kid": f"internal-{name}",
            "x": base64url(each.public_key().public_bytes_raw()),
        }
        for name, each in callers.items()
    ]
    return InternalTokens(
        service=service, signing_key_jwk=json.dumps(jwk), caller_keys_jwks=json.dumps({"keys": keys}), clock=clock
    )


def test_services_believe_each_other_for_a_minute() -> None:
    clock, a, b, c = Fixed(), *(Ed25519PrivateKey.generate() for _ in range(3))
    caller, called = internal("a", a, {}, clock), internal("b", b, {"a": a, "c": c}, clock)
    token = caller.mint("b")
    assert called.verify(token) == "a"
    refusals: list[Callable[[], str]] = [
        lambda: called.verify(caller.mint("c")),  # meant for another service
        lambda: called.verify(internal("a", c, {}, clock).mint("b")),  # not its key
        lambda: called.verify(token[:-4] + "AAAA"),
        lambda: called.verify(""),
        lambda: internal("b", b, {"c": a}, clock).verify(token),  # a key speaks only for its owner
    ]
    for refusal in refusals:
        with pytest.raises(Unauthorized):
            refusal()
    clock.time_s += 66
    with pytest.raises(Unauthorized):
        called.verify(token)


@given(st.binary(max_size=50))
def test_base64url_has_one_spelling(data: bytes) -> None:
    text = base64url(data)
    assert unbase64url(text) == data
    for other in (text + "=", text + "\n", " " + text):
        with pytest.raises(ValueError, match="base64url"):
            unbase64url(other)
