"""CIDs are read and written as the world does, and everything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.clients.ipfs.cids import DAG_PB, RAW, Cid, CidError, read_varint, varint

EMPTY_V1 = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"  # of no bytes, raw
EMPTY_V0 = "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"  # of an empty UnixFS file


@given(st.binary(max_size=64), st.sampled_from([(0, DAG_PB), (1, RAW), (1, DAG_PB)]))
def test_a_cid_survives_text_and_bytes(data: bytes, kind: tuple[int, int]) -> None:
    version, codec = kind
    cid = Cid.of(data, codec, version)
    assert Cid.parse(str(cid)) == cid
    assert Cid.read(b"??" + cid.packed + b"!", 2) == (cid, 2 + len(cid.packed))
    assert cid.names(data)
    assert not cid.names(data + b"x")


def test_known_cids() -> None:
    assert str(Cid.of(b"")) == EMPTY_V1
    assert str(Cid.of(b"\x0a\x04\x08\x02\x18\x00", DAG_PB, 0)) == EMPTY_V0
    assert Cid.parse(EMPTY_V0).is_same_content(Cid(1, DAG_PB, Cid.parse(EMPTY_V0).digest))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Qm",
        EMPTY_V0[:-1] + "0",  # 0 is not base58
        EMPTY_V1.upper(),
        EMPTY_V1 + "a",
        EMPTY_V1[:-1],
        "z" + EMPTY_V1,
        "bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",  # dag-cbor
        "../../etc/passwd",
    ],
)
def test_what_is_no_cid_is_refused(text: str) -> None:
    with pytest.raises(CidError):
        Cid.parse(text)


@given(st.integers(0, 2**63 - 1))
def test_a_number_survives(number: int) -> None:
    encoded = varint(number)
    assert read_varint(encoded) == (number, len(encoded))
    for cut in range(len(encoded)):
        with pytest.raises(CidError):
            read_varint(encoded[:cut])


@pytest.mark.parametrize("encoded", [b"\x80\x00", b"\x81\x00", b"\xff" * 10])
def test_a_number_has_one_spelling(encoded: bytes) -> None:
    with pytest.raises(CidError):
        read_varint(encoded)
