"""Handshakes, purely: whatever is asked, there is an answer, and only our addresses and origins get a connection."""

from hypothesis import given
from hypothesis import strategies as st

from audifi.gateways.ws.dialects import Dialect
from audifi.gateways.ws.handshake import Declined, Wanted, is_upgrade, wanted
from audifi.wire.live import protocol

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
ORIGIN = "https://app.audifi.io"
HEADERS = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}


def asked(target: bytes, **headers: str) -> Wanted | Declined:
    named = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    return wanted(target, named, frozenset({ORIGIN}))


@given(st.binary(max_size=600), st.dictionaries(st.sampled_from(sorted(HEADERS)), st.text(max_size=20)))
def test_every_request_has_an_answer(target: bytes, headers: dict[str, str]) -> None:
    assert isinstance(wanted(target, headers, frozenset()), Wanted | Declined)


@given(st.sampled_from(["/vstudio/{}", "/p/3/vstudio/{}", "/v1/vstudio/ws/{}", "/vstudio/sessions/{}/ws"]))
def test_an_address_of_ours_names_its_session(path: str) -> None:
    found = asked(path.format(ID).encode() + b"?a=b&ticket=x-_9&c", X_Forwarded_For="1.2.3.4")
    assert found == Wanted(ID, "x-_9", Dialect.FLAT, "1.2.3.4")


@given(st.text("0123456789abcdefABCDEF-/.%", max_size=48).filter(lambda text: text != ID))
def test_nothing_but_an_id_is_one(text: str) -> None:
    found = asked(f"/vstudio/{text}".encode())
    assert isinstance(found, Declined) or found.session_id in text


@given(st.text(max_size=40))
def test_no_other_origin_may(origin: str) -> None:
    if origin != ORIGIN:
        found = asked(f"/vstudio/{ID}".encode(), Origin=origin)
        assert isinstance(found, Declined)
        assert found.status == 403
    assert isinstance(asked(f"/vstudio/{ID}".encode(), Origin=ORIGIN), Wanted)


def test_the_dialect_is_what_was_offered() -> None:
    for offered, dialect in (
        ("", Dialect.FLAT),
        ("chat", Dialect.FLAT),
        (protocol.ENVELOPE, Dialect.ENVELOPE),
        (f"chat ,{protocol.ENVELOPE}", Dialect.ENVELOPE),
    ):
        found = asked(f"/vstudio/{ID}".encode(), Sec_WebSocket_Protocol=offered)
        assert isinstance(found, Wanted)
        assert found.dialect is dialect


def test_an_upgrade_may_be_asked_for_among_others() -> None:
    assert is_upgrade("keep-alive, Upgrade")
    assert is_upgrade("upgrade")
    assert not is_upgrade("keep-alive")
    assert not is_upgrade("upgrades")
