"""Make the certificates of one machine: a certificate authority that lasts, and leaves for the names served here.

The authority is kept beside the instances (`.audifi/ca/`), so that a browser that trusts it once keeps trusting
every instance. It is name-constrained to the local domain: whoever steals the key can impersonate nothing else.

Between: local.components.edge (leaf for its hosts), cli.trust (shows and installs the authority), sdk (its path).
Shape: `ca.pem`, `ca-key.pem`; a leaf is `<name>.pem` (with its chain) and `<name>-key.pem`. EC P-256.
Units: days.
Invariant: keys are written with mode 0600 before they have content; a leaf is renewed RENEW_DAYS before it ends.
Errors: OSError when the directory cannot be written.
Source: domain.md 5.2; CA/Browser Forum ballot SC-081 (a leaf of 90 days is accepted everywhere).
"""

import datetime as dt
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS = 3650
LEAF_DAYS = 90
RENEW_DAYS = 30  # domain.md 5.2 alerts at 14: renewed well before
BACKDATE = dt.timedelta(hours=1)  # clocks differ
EDGE = "edge"
CA_NAME = "AudiFi local development CA"


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file at once, never readable by more than `mode` allows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    fresh.chmod(mode)
    fresh.replace(path)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _save(pair: Pair, certificates: list[x509.Certificate], key: ec.EllipticCurvePrivateKey) -> None:
    _write(pair.key, _pem(key), 0o600)
    chain = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)
    _write(pair.certificate, chain, 0o644)


def _builder(subject: x509.Name, issuer: x509.Name, days: int) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - BACKDATE)
        .not_valid_after(_now() + dt.timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _create_authority(pair: Pair, domain: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{CA_NAME} ({domain})")])
    certificate = (
        _builder(name, name, CA_DAYS)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints([x509.DNSName(domain)], None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _save(pair, [certificate], key)


def _load(pair: Pair) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
    """Return what the files hold, or None when they are missing, damaged or do not belong together."""
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return certificate, key


def _ends_soon(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_after_utc - _now() < dt.timedelta(days=RENEW_DAYS)


def authority(directory: Path, domain: str) -> Pair:
    """Return the local authority, making it when there is none; it may sign names below `domain` only."""
    pair = Pair(directory / "ca.pem", directory / "ca-key.pem")
    directory.mkdir(parents=True, exist_ok=True)
    # Two instances may start for the first time at once: the second waits and takes what the first made.
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        loaded = _load(pair)
        if loaded is None or _ends_soon(loaded[0]):
            _create_authority(pair, domain)
    return pair


def authority_directory(instance: Path) -> Path:
    """Return where the authority of this clone is: beside the instances, so that it outlives each."""
    return instance.parent / "ca"


def for_hosts(instance: Path, hosts: tuple[str, ...], *, domain: str) -> Pair:
    """Return this instance's certificate for the hosts; `edge.pem` carries its authority's certificate too."""
    issuer = authority(authority_directory(instance), domain)
    return leaf(instance / "certificates", EDGE, hosts, issuer)


def held(instance: Path) -> bytes:
    """Return the certificate that `for_hosts` made last, b"" if it never did."""
    path = instance / "certificates" / f"{EDGE}.pem"
    return path.read_bytes() if path.exists() else b""


def plant(instance: Path, hosts: tuple[str, ...], *, domain: str, days: int) -> None:
    """Put a certificate there that ends so soon: what a platform has that nobody looked after (drills)."""
    issuer = _load(authority(authority_directory(instance), domain))
    assert issuer is not None, "it was just made"
    _make(
        Pair(instance / "certificates" / f"{EDGE}.pem", instance / "certificates" / f"{EDGE}-key.pem"),
        hosts,
        issuer,
        days,
    )


def _pair(directory: Path, name: str) -> Pair:
    return Pair(directory / f"{name}.pem", directory / f"{name}-key.pem")


def _is_current(pair: Pair, hosts: tuple[str, ...], issuer: x509.Certificate) -> bool:
    loaded = _load(pair)
    if loaded is None or _ends_soon(loaded[0]) or loaded[0].issuer != issuer.subject:
        return False
    try:
        loaded[0].verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    names = loaded[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(names.get_values_for_type(x509.DNSName)) == hosts


def leaf(directory: Path, name: str, hosts: tuple[str, ...], issuer: Pair) -> Pair:
    """Return a certificate for these hosts, made again when it ends soon, lacks a host or has another issuer."""
    pair = _pair(directory, name)
    loaded = _load(issuer)
    if loaded is None:
        raise FileNotFoundError(f"{issuer.certificate}: the local certificate authority is missing or damaged")
    if _is_current(pair, hosts, loaded[0]):
        return pair
    _make(pair, hosts, loaded, LEAF_DAYS)
    return pair


def _make(
    pair: Pair, hosts: tuple[str, ...], issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey], days: int
) -> None:
    authority_certificate, authority_key = issuer
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])]), authority_certificate.subject, days)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _save(pair, [certificate, authority_certificate], key)
