"""TLS to a broker: which CA is believed, by which certificate we log in, and what a refusal means to a person."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hymio.common.addresses import BrokerAddress
from hymio.common.errors import NO_SERVICE, WRONG_USE, Failure

_WHERE_FROM: Final = "`hymio pki issue` makes ca.pem, cert.pem and key.pem."
_ALERTS: Final = {
    "HANDSHAKE_FAILURE": "it lets nobody in without a certificate (--cert and --key)",
    "CERTIFICATE_REQUIRED": "it lets nobody in without a certificate (--cert and --key)",
    "CERTIFICATE_REVOKED": "our certificate is revoked",
    "CERTIFICATE_EXPIRED": "our certificate has expired, or the broker's revocation list has (`hymio pki list` tells)",
    "UNKNOWN_CA": "our certificate is not of its CA",
    "WRONG_VERSION_NUMBER": "it does not speak TLS on this port",
}
"""Parts of the reasons that OpenSSL names, and what they mean to a person."""

_TIMED_OUT: Final = "Operation timed out"
"""aiomqtt says this if a connection was made and no CONNACK came."""
_MEANINGS: Final = {
    _TIMED_OUT: "nothing in MQTT came back (another port, or the other one of mqtt:// and mqtts://?)",
    "Disconnected during message iteration": "it has ended, or somebody else came by our name",
}
"""What aiomqtt says, and what it means to a person. The second one comes when a client id is in use twice."""
_KNOCK_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of --ca, --cert and --key, as far as they are given."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


def tls_context(address: BrokerAddress, files: TlsFiles) -> ssl.SSLContext | None:
    """How to connect to `address`; None means without TLS.

    The broker's certificate and its host name are always checked.

    Raises:
        Failure: 2, there are files without TLS, or a file is missing or not what it should be.
    """
    given = [path for path in (files.ca, files.cert, files.key) if path is not None]
    if not address.tls:
        if given:
            raise Failure(
                WRONG_USE,
                f"--ca, --cert and --key go with TLS, and {address} is without.",
                f"Write --broker mqtts://{address.host}",
            )
        return None
    if (files.cert is None) != (files.key is None):
        raise Failure(WRONG_USE, "--cert and --key go together.", "`hymio pki issue` makes both: cert.pem and key.pem.")
    for path in given:
        if not path.is_file():
            raise Failure(WRONG_USE, f"There is no file {path}.", _WHERE_FROM)
    # Without --ca the certificates are believed that the system believes.
    with _reading("--ca", "a certificate in PEM"):
        context = ssl.create_default_context(cafile=files.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.cert is not None and files.key is not None:
        with _reading("--cert and --key", "a certificate and its key in PEM, without a passphrase"):
            # OpenSSL would ask for a passphrase on the terminal, and a service would wait for ever.
            context.load_cert_chain(files.cert, files.key, password="")
    return context


@contextmanager
def _reading(options: str, expected: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # ssl.SSLError is an OSError, and says nothing that helps
        said = "" if isinstance(error, ssl.SSLError) else f" ({error.strerror})"
        raise Failure(WRONG_USE, f"{options}: not {expected}{said}.", _WHERE_FROM) from None


def why_refused(error: BaseException, address: BrokerAddress, context: ssl.SSLContext | None) -> str:
    """Why a connection failed, in words for a person. May take seconds, if the broker has to be asked again."""
    reason = _in_words(error)
    if not reason and context is not None and str(error) == _TIMED_OUT:
        reason = _knock(address, context)
    return reason or _MEANINGS.get(str(error)) or str(error)


def no_broker(address: BrokerAddress, why: str) -> Failure:
    """Status 4, for a connection that failed."""
    return Failure(
        NO_SERVICE,
        f"The broker {address} is not there or refuses: {why}.",
        "Check that it runs and that address, user and password are right; `hymio broker` starts one for the bench.",
    )


def _knock(address: BrokerAddress, context: ssl.SSLContext) -> str:
    """Connects once more to find out why the broker ends a TLS connection by itself; "" if it does not.

    In TLS 1.3 a client has completed its handshake before the broker looks at its certificate, and the MQTT library
    does not pass on the refusal that follows.
    """
    try:
        with (
            socket.create_connection((address.host, address.port), _KNOCK_S) as raw,
            context.wrap_socket(raw, server_hostname=address.host) as tls,
        ):
            tls.settimeout(_KNOCK_S)
            tls.recv(1)
    except TimeoutError:
        return ""
    except OSError as error:
        return _in_words(error)
    return ""


def _in_words(error: BaseException) -> str:
    """What the TLS error in `error`, or behind it, means; "" if there is none."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return ""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not to be believed: {cause.verify_message.rstrip('.')}"
    for part, meaning in _ALERTS.items():
        if part in (cause.reason or ""):
            return meaning
    return f"TLS failed: {(cause.reason or str(cause)).replace('_', ' ').lower()}"
