"""Certificates of one machine: made once, renewed in time, limited to our names."""

from pathlib import Path

import pytest
from cryptography import x509

from audifi.local import certificates

HOSTS = ("audifi.localhost", "api.audifi.localhost")


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_an_authority_is_made_once_and_limited_to_our_names(tmp_path: Path) -> None:
    first = certificates.authority(tmp_path, "audifi.localhost")
    before = first.certificate.read_bytes()
    assert certificates.authority(tmp_path, "audifi.localhost").certificate.read_bytes() == before
    limits = read(first.certificate).extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert limits.value.permitted_subtrees == [x509.DNSName("audifi.localhost")]


def test_a_leaf_is_kept_while_it_fits(tmp_path: Path) -> None:
    authority = certificates.authority(tmp_path / "ca", "audifi.localhost")
    leaf = certificates.leaf(tmp_path / "leaf", "edge", HOSTS, authority)
    before = leaf.certificate.read_bytes()
    assert certificates.leaf(tmp_path / "leaf", "edge", HOSTS, authority).certificate.read_bytes() == before
    read(leaf.certificate).verify_directly_issued_by(read(authority.certificate))


@pytest.mark.parametrize("change", ["another host", "another authority", "ends soon", "damaged", "key of another"])
def test_a_leaf_is_made_again_when_it_no_longer_fits(
    tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = certificates.authority(tmp_path / "ca", "audifi.localhost")
    leaf = certificates.leaf(tmp_path / "leaf", "edge", HOSTS, authority)
    before, hosts = leaf.certificate.read_bytes(), HOSTS
    match change:
        case "another host":
            hosts = (*HOSTS, "ws.audifi.localhost")
        case "another authority":
            authority = certificates.authority(tmp_path / "other", "audifi.localhost")
        case "ends soon":
            monkeypatch.setattr(certificates, "RENEW_DAYS", certificates.LEAF_DAYS + 1)
        case "damaged":
            leaf.certificate.write_text("nonsense")
        case _:
            other = certificates.leaf(tmp_path / "second", "edge", HOSTS, authority)
            leaf.key.write_bytes(other.key.read_bytes())
    again = certificates.leaf(tmp_path / "leaf", "edge", hosts, authority)
    assert again.certificate.read_bytes() != before


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    authority = certificates.authority(tmp_path / "ca", "audifi.localhost")
    leaf = certificates.leaf(tmp_path / "leaf", "edge", HOSTS, authority)
    assert [pair.key.stat().st_mode & 0o777 for pair in (authority, leaf)] == [0o600, 0o600]
