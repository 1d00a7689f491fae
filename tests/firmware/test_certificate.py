"""The walk through a certificate, against certificates made by a library that knows all of X.509."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.certificate import read

KEYS = (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048))
OIDS = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.LOCALITY_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=16)
names = st.lists(st.builds(x509.NameAttribute, st.sampled_from(OIDS), texts), max_size=4).map(x509.Name)
moments = st.datetimes(datetime.datetime(1950, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59)).map(
    lambda at: at.replace(microsecond=0)
)


def made(subject, issuer, key, serial, begins, ends, extensions=()):
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(KEYS[0], hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@settings(deadline=None, max_examples=150)
@given(names, names, st.sampled_from(KEYS), st.integers(1, 2**159 - 1), moments, moments, st.booleans())
def test_it_reads_what_the_library_wrote(subject, issuer, key, serial, one, other, is_server):
    begins, ends = sorted((one, other))
    more = [x509.SubjectAlternativeName([x509.DNSName("x" * 60)] * 3)] if is_server else []
    der = made(subject, issuer, key, serial, begins, ends, more)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert read(der) == (begins.timetuple()[:6], ends.timetuple()[:6], subject.public_bytes() + public)


WHOLE = made(x509.Name([]), x509.Name([]), KEYS[0], 77, datetime.datetime(2026, 1, 1), datetime.datetime(2036, 1, 1))


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255), st.integers(0, 3))
def test_what_is_damaged_is_read_or_refused_and_nothing_else(at, change, longer):
    damaged = bytearray(WHOLE)
    damaged[at] ^= change
    for der in (bytes(damaged), WHOLE[:at], WHOLE + bytes(longer)):
        try:
            _, ends, whose = read(der)
        except ValueError:
            continue
        assert len(ends) == 6 and whose in der


@pytest.mark.parametrize(
    "der", [b"", b"\x30", b"\x30\x80", b"\x30\x84\0\0\0\0", bytes(40), WHOLE + b"\0", b"\x30\x82\xff\xff"]
)
def test_garbage_is_no_certificate(der):
    with pytest.raises(ValueError, match="expected a certificate in DER"):
        read(der)
