"""What `audifi reconcile` prints: whole coins without a float, totals first, differences with their remedy."""

from typing import Any

import pytest

from audifi.cli.reconcile import amount, page

EQUAL: dict[str, Any] = {
    "at": "2026-11-23T08:00:00.000Z",
    "chains": [],
    "cardsCompared": 3,
    "differences": [],
    "notCompared": [],
}


@pytest.mark.parametrize(
    ("wei", "told"),
    [
        ("0", "0 ETH"),
        ("1", "0.000000000000000001 ETH"),
        ("1500000000000000000", "1.5 ETH"),
        ("1234567000000000000000000", "1,234,567 ETH"),
        ("-20000000000000000", "-0.02 ETH"),
        ("115792089237316195423570985008687907853269984665640564039457", None),
    ],
)
def test_whole_coins(wei: str, told: str | None) -> None:
    shown = amount(wei, "ETH")
    assert told in (None, shown)
    whole, _, rest = shown.removesuffix(" ETH").replace(",", "").removeprefix("-").partition(".")
    assert abs(int(wei)) == int(whole) * 10**18 + int(rest.ljust(18, "0"))


def test_nothing_differs(capsys: pytest.CaptureFixture[str]) -> None:
    page({**EQUAL, "notCompared": ["chain 5: it is not mirrored yet"]})
    told = capsys.readouterr().out
    assert "nothing differs" in told
    assert "3 payments by card" in told
    assert "Not compared: chain 5" in told


def test_what_differs_comes_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    one = {"subject": "m", "title": "Midnight", "what": "owner of share 3", "ours": "0xa", "theirs": "0xb"}
    page({**EQUAL, "differences": [{**one, "means": "Wrong.", "remedy": "Mend."}]})
    told = capsys.readouterr().out
    assert "1 thing differs" in told
    assert "1. Midnight (m): owner of share 3" in told
    assert "What to do: Mend." in told
