"""Hold the stand-ins' content code to its promises: what it writes it reads, what is garbage it refuses by name.

Between: standins.content.{cids,car,unixfs,blocks,records} and made-up bytes. No sockets; files below tmp_path.
Invariant: no input, however wrong, raises anything but the documented errors: a stand-in that answers 500 would teach
our client something that no provider does.
"""

import io
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audifi.local.standins.content import car, cids, unixfs
from audifi.local.standins.content.blocks import Blocks, Missing, WrongBytes
from audifi.local.standins.content.records import Entry, Records

TINY = unixfs.Profile(16, 3, raw_leaves=True, version=1)
KNOWN = {  # what Kubo prints for an empty file and for "hello world\n", in both versions
    b"": (
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
        "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
    ),
    b"hello world\n": (
        "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4",
        "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o",
    ),
}


@pytest.mark.parametrize("content", KNOWN)
def test_famous_cids(content: bytes) -> None:
    found = [
        str(unixfs.import_file(io.BytesIO(content), profile, lambda _, __: None).link.cid)
        for profile in (unixfs.KUBO_V1, unixfs.KUBO_V0)
    ]
    assert found == list(KNOWN[content])


@given(st.binary(max_size=200), st.sampled_from([cids.RAW, cids.DAG_PB]))
def test_a_cid_survives_its_own_text(data: bytes, codec: int) -> None:
    cid = cids.of(codec, data)
    assert cids.parse(str(cid)) == cid
    assert cids.parse("z" + cids.base58(bytes(cid))) == cid
    assert cids.read(b"x" + bytes(cid) + b"y", 1) == (cid, 1 + len(bytes(cid)))
    old = cids.of(cids.DAG_PB, data, version=0)
    assert (cids.parse(str(old)), old.key) == (old, cid.key)


@given(
    st.text(max_size=80) | st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"), max_size=80).map("b".__add__)
)
def test_text_that_is_no_cid_is_refused_by_name(text: str) -> None:
    try:
        cids.parse(text)
    except cids.BadCid:
        return
    assert text[0] in "bzQ"


@given(st.binary(max_size=300))
def test_bytes_that_are_no_block_are_refused_by_name(data: bytes) -> None:
    try:
        unixfs.read_message(unixfs.read_node(data)[1])
    except unixfs.BadBlock:
        return


@given(st.binary(max_size=400), st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_archive_is_refused_by_name(content: bytes, place: int, byte: int) -> None:
    """Every byte counts: none can be changed without a hash, a length or the header telling."""
    packed, root = _packed(content)
    place %= len(packed)
    damaged = packed[:place] + bytes((byte,)) + packed[place + 1 :]
    try:
        roots = car.roots(io.BytesIO(damaged))
        file = io.BytesIO(damaged)
        car.roots(file)
        kept = dict(car.blocks(file))
    except car.BadCar:
        return
    assert damaged == packed or roots != [root] or set(kept) != set(_blocks(content)), "an unseen change"


@given(st.binary(max_size=2000), st.data())
def test_any_range_of_a_file_comes_back(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
) -> None:
    blocks = Blocks(tmp_path_factory.mktemp("blocks"))
    root = unixfs.import_file(io.BytesIO(content), TINY, blocks.put).link.cid
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, len(content)))
    assert blocks.size(root) == len(content)
    assert b"".join(part for _, part in blocks.content(root, start, stop)) == content[start:stop]
    assert {cid.key for cid, _ in blocks.tree(root)} == set(blocks.keys(root))


def test_a_block_is_checked_and_a_missing_one_named(tmp_path: Path) -> None:
    blocks = Blocks(tmp_path)
    cid = cids.of(cids.RAW, b"right")
    with pytest.raises(WrongBytes, match=str(cid)):
        blocks.put(cid, b"wrong")
    with pytest.raises(Missing, match=str(cid)):
        blocks.get(cid)


def test_blocks_go_with_the_last_root_in_any_order(tmp_path: Path) -> None:
    """Random files that share chunks, held and forgotten in random order: what is held is always whole."""
    blocks = Blocks(tmp_path / "blocks")
    records = Records(tmp_path / "records.sqlite", blocks)
    dice = random.Random(7)  # noqa: S311  # dice
    held: dict[str, tuple[Entry, cids.Cid]] = {}
    for number in range(60):
        content = b"".join(bytes((dice.randrange(3),)) * 16 for _ in range(dice.randrange(1, 12)))
        root = unixfs.import_file(io.BytesIO(content), TINY, blocks.put).link.cid
        entry = Entry(str(number), "file", str(root), held=True, private=dice.random() < 0.3)
        held[entry.id] = (records.keep(entry, blocks.keys(root)), root)
        if dice.random() < 0.6:
            records.forget(held.pop(dice.choice(sorted(held)))[0])
        for kept, cid in held.values():
            assert len(list(blocks.tree(cid))) == len(records.tree(cid)) or kept.private
    records.forget(*(entry for entry, _ in held.values()))
    assert blocks.count() == 0
    records.close()


def _blocks(content: bytes) -> dict[cids.Cid, bytes]:
    found: dict[cids.Cid, bytes] = {}
    unixfs.import_file(io.BytesIO(content), TINY, found.__setitem__)
    return found


def _packed(content: bytes) -> tuple[bytes, cids.Cid]:
    found = _blocks(content)
    root = unixfs.import_file(io.BytesIO(content), TINY, lambda _, __: None).link.cid
    return car.header([root]) + b"".join(car.section(cid, data) for cid, data in found.items()), root
