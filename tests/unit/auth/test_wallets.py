"""Proofs of wallets: the message reads back as written, and any other site, wallet, chain or time is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.services.auth import proofs
from audifi.services.auth.errors import Invalid, InvalidSignature
from audifi.services.auth.rules import wallets

NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # EIP-55's own example
DOMAIN, URI = "app.audifi.io", "https://app.audifi.io"


def written(**changes: object) -> str:
    values: dict[str, object] = {
        "domain": DOMAIN, "uri": URI, "address": ADDRESS, "chain_id": 1, "nonce": "abcdefgh12345678", "now": NOW,
    }  # fmt: skip
    return wallets.message(**{**values, **changes})  # type: ignore[arg-type]


def judge(text: str, *, now: datetime = NOW, address: str = ADDRESS, chain_id: int = 1) -> None:
    claim = wallets.claim(text)
    wallets.require_claim_fits(claim, domain=DOMAIN, uri=URI, address=address, chain_id=chain_id, now=now)


@given(
    chain_id=st.sampled_from(sorted(wallets.CHAINS)),
    nonce=st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=8, max_size=64),
)
def test_a_message_reads_back_as_written(chain_id: int, nonce: str) -> None:
    claim = wallets.claim(written(chain_id=chain_id, nonce=nonce))
    assert (claim.chain_id, claim.nonce, claim.address, claim.issued_at) == (chain_id, nonce, ADDRESS, NOW)
    judge(written(chain_id=chain_id, nonce=nonce), chain_id=chain_id)


@pytest.mark.parametrize(
    "text",
    [
        written(domain="evil.example"),
        written(uri="https://app.audifi.io.evil.example"),
        written(address="0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"),
        written(chain_id=137),
        written(now=NOW - timedelta(minutes=6)),
        written(now=NOW + timedelta(minutes=1)),
        written().replace("Version: 1", "Version: 2"),
        written() + "\nSomething: else",
        written().replace("\n", "\r\n"),
        "",
        "x" * 5000,
    ],
)
def test_a_message_for_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidSignature):
        judge(text)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_never_a_crash(text: str) -> None:
    with pytest.raises(InvalidSignature):
        wallets.claim(text)


@given(st.integers(min_value=0, max_value=len(written()) - 1), st.characters())
def test_a_changed_character_never_widens_the_claim(position: int, character: str) -> None:
    original = wallets.claim(written())
    try:
        changed = wallets.claim(written()[:position] + character + written()[position + 1 :])
        wallets.require_claim_fits(changed, domain=DOMAIN, uri=URI, address=ADDRESS, chain_id=1, now=NOW)
    except InvalidSignature:
        return
    assert (changed.domain, changed.chain_id, changed.address.lower()) == (
        original.domain,
        original.chain_id,
        original.address.lower(),
    )


@pytest.mark.parametrize("address", [ADDRESS.lower(), ADDRESS, "0x" + ADDRESS[2:].upper()])
def test_addresses_get_their_checksum(address: str) -> None:
    assert proofs.checksummed(address) == ADDRESS


@pytest.mark.parametrize("address", [ADDRESS[:-1] + "D", ADDRESS[2:], ADDRESS + "0", "0x", ""])
def test_mistyped_addresses_are_refused(address: str) -> None:
    with pytest.raises(Invalid):
        proofs.checksummed(address)


@pytest.mark.parametrize("signature", ["0x" + "00" * 65, "0x" + "ff" * 65, "0x" + "zz" * 65, "0x12", ""])
def test_broken_signatures_are_refused(signature: str) -> None:
    with pytest.raises(InvalidSignature):
        proofs.require_signed_by(ADDRESS, "text", signature)


def test_chains_we_do_not_run_on_are_refused() -> None:
    wallets.require_chain(8453, is_local=False)
    wallets.require_chain(31337, is_local=True)
    for chain_id in (5, 31337, 80001):
        with pytest.raises(Invalid):
            wallets.require_chain(chain_id, is_local=False)
