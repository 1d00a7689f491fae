"""The certificates of a private CA: what stands in them, small enough for a terminal and right for strict verifiers."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from hymio.common.extras import missing_extra

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError as missing:
    raise missing_extra("pki", missing) from missing

CLOCK_SKEW: Final = datetime.timedelta(days=1)
"""A certificate is good from one day before it was made, since a terminal's clock may be slow, or set to a date alone.
"""

LIST_LASTS: Final = datetime.timedelta(days=365)
"""How long a revocation list is good. Whoever shows the broker's machine an older list gets in with a revoked
certificate for as long."""

_SERIAL_BYTES: Final = 8
"""The length of a serial. It is random, so that nobody can guess one; 20 bytes would be allowed, and would go over the
air at every handshake."""


@dataclass(frozen=True, slots=True)
class Authority:
    """The CA: its certificate, and the key that it signs with."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, in the forms in which they are kept."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def key_pem(self) -> bytes:
        """The key in PKCS #8, for tools and brokers."""
        return key_pem(self.key)

    def key_der(self) -> bytes:
        """The key in SEC 1 (RFC 5915), which is the shortest form that the terminal's mbedTLS reads."""
        return self.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key without a passphrase, as PKCS #8 in PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def make_authority(name: str, not_after: datetime.datetime, now: datetime.datetime) -> Authority:
    """Makes a new CA, with ECDSA P-256, that signs no further CAs."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _named(name)
    certificate = (
        _builder(subject, subject, key.public_key(), not_after, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier(_key_identifier(key.public_key())), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def read_authority(certificate_pem: bytes, private_key_pem: bytes) -> Authority:
    """Reads a CA from two files in PEM.

    Raises:
        ValueError: it says what is wrong with them.
    """
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        key = serialization.load_pem_private_key(private_key_pem, None)
    except (ValueError, TypeError):
        raise ValueError("not a certificate and a key in PEM, without a passphrase") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("the two don't belong together")
    return Authority(certificate, key)


def issue(
    authority: Authority,
    kind: str,
    name: str,
    hosts: Iterable[str],
    not_after: datetime.datetime,
    now: datetime.datetime,
) -> Issued:
    """Makes a new key and its certificate.

    Args:
        authority: the CA.
        kind: `device`, `collector`, `operator`, `home-assistant` (each may only log in) or `server` (may only be a
            server).
        name: the subject's common name, which the broker takes for the user's name.
        hosts: names and addresses of a server, else empty.
        not_after: when it ends.
        now: when it is made.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    return Issued(_signed(authority, kind, _named(name), key.public_key(), hosts, not_after, now), key)


def reissue(
    authority: Authority, kind: str, old: x509.Certificate, not_after: datetime.datetime, now: datetime.datetime
) -> x509.Certificate:
    """Makes another certificate for the name and the key of `old`.

    Raises:
        ValueError: it is not for a key of ours.
    """
    key = old.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("not a certificate for an ECDSA key")
    return _signed(authority, kind, old.subject, key, (), not_after, now)


def _signed(
    authority: Authority,
    kind: str,
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    hosts: Iterable[str],
    not_after: datetime.datetime,
    now: datetime.datetime,
) -> x509.Certificate:
    usage = ExtendedKeyUsageOID.SERVER_AUTH if kind == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
    issuer = authority.certificate.subject
    builder = (
        _builder(subject, issuer, key, not_after, now)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(_authority_key_identifier(authority), critical=False)
    )
    if kind == "server":
        builder = builder.add_extension(x509.SubjectAlternativeName(_alternative_names(hosts)), critical=False)
    return builder.sign(authority.key, hashes.SHA256())


def revocation_list(
    authority: Authority, revoked: Iterable[tuple[int, datetime.datetime]], number: int, now: datetime.datetime
) -> x509.CertificateRevocationList:
    """Makes the list of revoked certificates, given as (serial, when); it is good for a year at most.

    A broker refuses everybody once the list has ended.
    """
    last_update = now - CLOCK_SKEW
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(last_update)
        .next_update(min(last_update + LIST_LASTS, authority.certificate.not_valid_after_utc))
        .add_extension(_authority_key_identifier(authority), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for serial, since in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since).build()
        )
    return builder.sign(authority.key, hashes.SHA256())


def end_of_revocation_list(data: bytes) -> datetime.datetime | None:
    """When the revocation list in PEM has to be replaced.

    Raises:
        ValueError: it is no revocation list.
    """
    return x509.load_pem_x509_crl(data).next_update_utc


def pem(one: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    """A certificate or list in PEM, for tools and brokers."""
    return one.public_bytes(serialization.Encoding.PEM)


def der(certificate: x509.Certificate) -> bytes:
    """A certificate in DER, for terminals: MicroPython's mbedTLS reads nothing else."""
    return certificate.public_bytes(serialization.Encoding.DER)


def read_pem(data: bytes) -> x509.Certificate:
    """Reads a certificate in PEM.

    Raises:
        ValueError: it is none.
    """
    return x509.load_pem_x509_certificate(data)


def read_der(data: bytes) -> x509.Certificate:
    """Reads a certificate in DER.

    Raises:
        ValueError: it is none.
    """
    return x509.load_der_x509_certificate(data)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    not_after: datetime.datetime,
    now: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(int.from_bytes(secrets.token_bytes(_SERIAL_BYTES)) >> 1 | 1)
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(not_after)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _key_identifier(key: ec.EllipticCurvePublicKey) -> bytes:
    """A key identifier after RFC 5280 4.2.1.2, method 2: 0100 and the last 60 bits of the SHA-1.

    It is 12 bytes shorter than that of method 1.
    """
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    tail = hashlib.sha1(point, usedforsecurity=False).digest()[-8:]
    return bytes([0x40 | tail[0] & 0x0F]) + tail[1:]


def _authority_key_identifier(authority: Authority) -> x509.AuthorityKeyIdentifier:
    # Python 3.13, and OpenSSL with X509_V_FLAG_X509_STRICT, refuse a leaf without one.
    return x509.AuthorityKeyIdentifier(_key_identifier(authority.key.public_key()), None, None)


def _alternative_names(hosts: Iterable[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for host in hosts:
        with contextlib.suppress(ValueError):
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        # An address stands there as a DNS name, too: mbedTLS before 3.5, in images up to ESP-IDF 5.1, compares nothing
        # else. https://github.com/Mbed-TLS/mbedtls/issues/5082
        names.append(x509.DNSName(host))
    return names


def _key_usage(signs_certificates: bool) -> x509.KeyUsage:
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
