"""Messages to programs over HTTP: signed, to addresses that were looked at first, with an answer that can't hurt us.

Signed as https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md has it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import ipaddress
import secrets
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import Timer
from typing import Final
from urllib.parse import SplitResult, urlsplit

from hymio import __version__

TIMEOUT_S: Final = 10.0
"""How long the other side may take for any one thing, and"""
TOTAL_S: Final = 15.0
"""for all of it: the upper end of what the specification recommends."""
URL_MAX: Final = 2000
SECRET_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32
"""The specification asks for 24 to 64."""
_RETRY_AFTER_MAX_S: Final = 86_400
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_SITE_LOCAL: Final = ipaddress.IPv6Network("fec0::/10")
_GONE: Final = 410


class UrlFault(StrEnum):
    """What is wrong with an address."""

    FORM = "it is none"
    NO_TLS = "it is without TLS"
    INSIDE = "it leads into an inner network"


class WebhookTrouble(Exception):
    """A message was not taken; args[0] says why, for people, without the address.

    is_gone: there is nobody there any more, and none is to be sent again. retry_after_s: so long the other side asks to
    be left alone; None: it says nothing of it.
    """

    def __init__(self, why: str, is_gone: bool = False, retry_after_s: float | None = None) -> None:
        """Takes why, and what it means for the next one."""
        super().__init__(why)
        self.is_gone, self.retry_after_s = is_gone, retry_after_s


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a message goes, and how it is signed. may_be_inside: whether that may be in our own network."""

    url: str
    secret: str
    may_be_inside: bool


def new_secret() -> str:
    """With which the messages to one address are signed."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def fault_of_url(url: str, may_be_inside: bool) -> UrlFault | None:
    """Why nothing can be sent to an address; None: as far as can be seen it can be."""
    parts = _parts(url)
    if parts is None:
        return UrlFault.FORM
    if parts.scheme == "http" and not may_be_inside:
        return UrlFault.NO_TLS
    with contextlib.suppress(ValueError):
        if not may_be_inside and not _is_public(ipaddress.ip_address(parts.hostname or "")):
            return UrlFault.INSIDE
    return None


def signature(secret: str, message_id: str, at_s: int, body: bytes) -> str:
    """What the header `webhook-signature` says of a message that goes at that time, in seconds of 1970."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = hmac.new(key, f"{message_id}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def send_webhook(webhook: Webhook, message_id: str, body: bytes, at_s: int) -> None:
    """Sends a message; the other side has taken it when this returns.

    TLS is verified by the CAs of this computer (or of SSL_CERT_FILE). No redirect is followed, and of the answer
    nothing but its head is read.

    Args:
        webhook: to whom.
        message_id: the same each time the message is sent, so that a repetition can be dropped.
        body: JSON.
        at_s: now, in seconds of 1970.

    Raises:
        WebhookTrouble: it has not taken it, or it was not sent at all.
    """
    fault, parts = fault_of_url(webhook.url, webhook.may_be_inside), _parts(webhook.url)
    if fault is not None or parts is None:
        raise WebhookTrouble(f"its address is refused: {fault}")
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"hymio/{__version__}",
        "Connection": "close",
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": signature(webhook.secret, message_id, at_s, body),
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = _Connection(parts, webhook.may_be_inside)
        # Each answer may be slow, and a byte a second is an answer, too.
        watch = Timer(TOTAL_S, connection.cut_off)
        watch.daemon = True
        watch.start()
        try:
            connection.connect()
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            if connection.is_cut_off:
                raise TimeoutError
            status, retry_after = answer.status, answer.getheader("Retry-After", "")
        finally:
            watch.cancel()
            connection.close()
    except ssl.SSLCertVerificationError as error:
        raise WebhookTrouble(f"it is not whom we trust: {error.verify_message}") from error
    except TimeoutError as error:
        raise WebhookTrouble("it took too long") from error
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise WebhookTrouble(getattr(error, "strerror", None) or str(error) or type(error).__name__) from error
    if not 200 <= status < 300:
        pause_s = min(int(retry_after), _RETRY_AFTER_MAX_S) if retry_after.isdecimal() else None
        raise WebhookTrouble(f"it answered {status}", status == _GONE, pause_s)


class _Connection(http.client.HTTPConnection):
    """To one of the addresses of a name, which were looked at: a second look-up could lead elsewhere."""

    def __init__(self, parts: SplitResult, may_be_inside: bool) -> None:
        self._is_tls = parts.scheme == "https"
        self._may_be_inside = may_be_inside
        self.is_cut_off = False
        host = parts.hostname or ""
        super().__init__(host, parts.port or (443 if self._is_tls else 80), timeout=TIMEOUT_S)

    def connect(self) -> None:
        self.sock = socket.create_connection(self._address(), TIMEOUT_S)
        if self._is_tls:
            context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            tls = context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock = tls
            tls.do_handshake()

    def cut_off(self) -> None:
        """Ends it, whoever waits for it."""
        self.is_cut_off = True
        with contextlib.suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def _address(self) -> tuple[str, int]:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
        public = [one for one in addresses if _is_public(ipaddress.ip_address(one.partition("%")[0]))]
        if not self._may_be_inside and len(public) < len(addresses):
            raise OSError("its name leads into an inner network")
        if not self._is_tls and public:
            raise OSError("without TLS nothing is sent outside of our own network")
        return addresses[0], self.port


def _parts(url: str) -> SplitResult | None:
    if len(url) > URL_MAX or not url.isascii() or not url.isprintable() or any(one in url for one in ' \\#"<>'):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    is_one = parts.scheme in ("http", "https") and parts.hostname and parts.username is None and port != 0
    return parts if is_one else None


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it is of the world, and neither of this computer nor of a network of its own, however it is written."""
    return all(
        one.is_global and not (one.is_multicast or one.is_reserved or one in _SITE_LOCAL) for one in _meant(address)
    )


def _meant(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> Sequence[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """An address, or the IPv4 one that an IPv6 one leads to."""
    if address.version == 4:
        return [address]
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    inner = address.ipv4_mapped or address.sixtofour
    if inner is not None:
        return [inner]
    return [*(address.teredo or ()), address]
