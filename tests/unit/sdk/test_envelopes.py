"""Money arrives as whole numbers, however long, and never as a float.

Between: sdk.records.envelopes, sdk.keys (pure) and msgspec.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.sdk import Amount, MintPreview, new_key
from audifi.sdk.records.envelopes import decoded


def preview(price: object) -> MintPreview:
    text = msgspec.json.encode(
        {"priceWei": price, "totalWei": "7", "platformFeeWei": "0", "currency": "ETH", "estimatedGas": 21000}
    )
    return msgspec.json.decode(text, type=MintPreview, dec_hook=decoded)


@given(st.integers(0, 2**256))
def test_an_amount_is_exact(price: int) -> None:
    assert preview(str(price)).price_wei == price


@pytest.mark.parametrize("price", [7, 7.5, "7.5", "-7", "٣", "", "1e18"])
def test_what_is_no_amount_is_refused(price: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        preview(price)


def test_an_amount_counts_like_any_number() -> None:
    assert Amount(40) + 2 == 42


def test_keys_are_new_and_fit_the_header() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert max(map(len, keys)) <= 64
