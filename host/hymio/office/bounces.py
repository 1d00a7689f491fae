"""What mail servers send back: which of our messages reached nobody (RFC 3464)."""

from __future__ import annotations

import email
import email.policy
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Final

from hymio.common.errors import WRONG_USE, Failure
from hymio.site.read import FILE_BYTES_MAX

_NAME: Final = re.compile(rb"<(?:invitation|reminder)\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@", re.ASCII)
"""The names of our messages, as `Due.message_name` makes them."""
_BEGIN: Final = re.compile(rb"(?m)^From [^\n]*\n")
"""Before each message of an mbox; lines of a message that begin so have a > before them (RFC 4155)."""
_SAID_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class BounceReport:
    """One message. uid: of the invitation that it tells of, None if it tells of none.

    is_final: nobody tries any more, and the address is no good or was silent for days; said: why.
    """

    uid: str | None
    is_final: bool
    said: str


def read_bounces(file: Path) -> list[BounceReport]:
    """The messages of a file, of one or as an mbox; "-" is stdin.

    Raises:
        Failure: 2, it can't be read, or is too large.
    """
    try:
        data = sys.stdin.buffer.read(FILE_BYTES_MAX + 1) if str(file) == "-" else _bounded(file)
    except OSError as error:
        raise Failure(WRONG_USE, f"{file}: {error.strerror}.", "Give the path of a file that can be read.") from error
    if len(data) > FILE_BYTES_MAX:
        raise Failure(WRONG_USE, f"{file}: expected at most {FILE_BYTES_MAX} bytes, came more.", "Give it in parts.")
    return [report_of(one) for one in messages_of(data)]


def _bounded(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(FILE_BYTES_MAX + 1)


def messages_of(data: bytes) -> list[bytes]:
    """The messages of an mbox, or the one that there is."""
    data = data.replace(b"\r\n", b"\n")
    parts = _BEGIN.split(data)[1:] if data.startswith(b"From ") else [data]
    return [part for part in parts if part.strip()]


def report_of(data: bytes) -> BounceReport:
    """What a message tells; whatever it is, also none that we understand."""
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    if message.get_content_type() != "multipart/report":
        return BounceReport(None, False, "no report")
    # The message that came back is in it, as a whole or its headers alone.
    found = next(filter(None, map(_NAME.search, _returned(message))), None)
    uid = None if found is None else found[1].decode()
    blocks = [
        block
        for part in message.walk()
        if part.get_content_type() == "message/delivery-status" and isinstance(part.get_payload(), list)
        for block in part.get_payload()
        if isinstance(block, Message)
    ]
    for block in blocks:
        action = str(block.get("Action", "")).strip().lower()
        if action:
            said = str(block.get("Diagnostic-Code") or block.get("Status") or action)
            return BounceReport(uid, action == "failed", " ".join(said.split())[:_SAID_MAX])
    return BounceReport(uid, False, "no status")


def _returned(message: Message) -> Iterator[bytes]:
    for part in message.walk():
        if part.get_content_type() in ("message/rfc822", "message/rfc822-headers", "text/rfc822-headers"):
            yield part.as_bytes()
    for name in ("In-Reply-To", "References", "X-Original-Message-ID"):
        yield str(message.get(name, "")).encode("ascii", "replace")
    for part in message.walk():
        yield str(part.get("Original-Message-ID", "")).encode("ascii", "replace")
