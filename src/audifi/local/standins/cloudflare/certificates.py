"""Sign requests for origin certificates with an authority of this process, as Cloudflare's origin CA does.

Between: server (routes of /certificates); whoever terminates TLS behind the edge uses what is signed.
Shape: {id, certificate (PEM), csr, hostnames, request_type, requested_validity, expires_on}.
Invariant: the private key never comes here: a request is signed for the names in the body, whatever the request says.
Errors: Refused 400 (1002 body, 1010 request that cannot be read, or of another key type than asked for).
Source: developers.cloudflare.com/ssl/origin-configuration/origin-ca/; cryptography (x509).
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from audifi.local.standins.cloudflare import bodies
from audifi.local.standins.cloudflare.account import Account
from audifi.local.standins.cloudflare.answers import Refused, type_of_item

BODY: Final = "origin_ca_certificates.origin_ca_certificate_create_params.OriginCACertificateCreateParams"
DAYS_DEFAULT: Final = 5475
AUTHORITY: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Origin CA of the stand-in")])


class Authority:
    """Who signs."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def sign(self, account: Account, body: type_of_item, identifier: str) -> type_of_item:
        """A certificate for the names of the body."""
        bodies.judge(BODY, body)
        zones = {zone.name for zone in account.zones.values()}
        for name in body["hostnames"]:
            if not any(name == zone or name.endswith(f".{zone}") for zone in zones):
                raise Refused(400, 1010, f"{name} is in no zone of this account")
        request = _request(body)
        days = int(body.get("requested_validity", DAYS_DEFAULT))
        begins = datetime.now(UTC)
        signed = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(AUTHORITY)
            .public_key(request.public_key())
            .serial_number(int(identifier, 16))
            .not_valid_before(begins)
            .not_valid_after(begins + timedelta(days=days))
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in body["hostnames"]]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        return {
            **body,
            "certificate": signed.public_bytes(serialization.Encoding.PEM).decode(),
            "expires_on": signed.not_valid_after_utc.isoformat(),
            "requested_validity": days,
        }


def _request(body: type_of_item) -> x509.CertificateSigningRequest:
    try:
        request = x509.load_pem_x509_csr(str(body["csr"]).encode())
    except ValueError as error:
        raise Refused(400, 1010, f"the certificate request cannot be read: {error}") from None
    is_ecdsa = isinstance(request.public_key(), ec.EllipticCurvePublicKey)
    if is_ecdsa != (body["request_type"] == "origin-ecc"):
        raise Refused(400, 1010, f"the key of the certificate request is not of {body['request_type']}")
    return request
