"""The trees are those of the JavaScript reference, block for block, at every boundary of chunks and fan-out.

Source: vectors.json, made once by reference.mjs with npm ipfs-unixfs-importer 17.1.1.
"""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.ipfs.patterns import pattern

from audifi.clients.ipfs.cids import Cid
from audifi.clients.ipfs.unixfs import (
    PROFILES,
    V1_2025,
    Block,
    DagError,
    DirectoryTooLarge,
    Link,
    Profile,
    Tree,
    directory_block,
    file_blocks,
    leaf_bytes,
    links,
)

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))


def _root(size: int, fill: str, profile: Profile) -> Link:
    tree = Tree(profile)
    for _ in file_blocks(pattern(size, fill), tree, profile):
        pass
    return tree.root


def _profile(vector: dict[str, Any]) -> Profile:
    profile = PROFILES[vector["profile"]]
    return replace(profile, chunk_bytes=vector["chunk"], links_max=vector["links"]) if "chunk" in vector else profile


@pytest.mark.parametrize("profile", list(PROFILES))
def test_a_file_has_the_cid_the_reference_gives_it(profile: str) -> None:
    vectors = [vector for vector in VECTORS["files"] if vector["profile"] == profile]
    assert len(vectors) >= 9
    for vector in vectors:
        root = _root(vector["size"], vector["fill"], _profile(vector))
        assert (str(root.cid), root.dag_bytes) == (vector["cid"], vector["dag_bytes"]), vector
        assert root.file_bytes == vector["size"]


def test_a_directory_has_the_cid_the_reference_gives_it() -> None:
    assert len(VECTORS["directories"]) == 12
    for vector in VECTORS["directories"]:
        profile = PROFILES[vector["profile"]]
        entries = {name: _root(size, "pattern", profile) for name, size in vector["entries"]}
        _, root = directory_block(entries, profile)
        assert (str(root.cid), root.dag_bytes) == (vector["cid"], vector["dag_bytes"]), vector


def test_a_directory_that_must_be_sharded_is_refused() -> None:
    leaf = _root(1, "pattern", V1_2025)
    with pytest.raises(DirectoryTooLarge, match="262144 fit"):
        directory_block({f"{number:064}": leaf for number in range(3000)}, V1_2025)
    with pytest.raises(DagError, match="no file name"):
        directory_block({"a/b": leaf}, V1_2025)


@given(st.binary(max_size=300), st.sampled_from(list(PROFILES.values())), st.integers(1, 40), st.integers(2, 5))
def test_what_is_cut_up_can_be_put_together_again(data: bytes, profile: Profile, chunk: int, fan_out: int) -> None:
    small = replace(profile, chunk_bytes=chunk, links_max=fan_out)
    tree = Tree(small)
    blocks = {block.cid: block for block in file_blocks(io.BytesIO(data), tree, small)}

    def below(cid: Cid) -> bytes:
        block = blocks[cid]
        return leaf_bytes(block) + b"".join(below(child) for child in links(block))

    assert below(tree.root.cid) == data
    assert tree.root.file_bytes == len(data)


@given(st.binary(max_size=80))
def test_no_bytes_break_the_reader_of_blocks(data: bytes) -> None:
    block = Block(Cid.of(data, 0x70), data)
    try:
        links(block)
        leaf_bytes(block)
    except DagError:
        pass
