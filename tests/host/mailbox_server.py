"""A mail server of our own, and certificates for servers at 127.0.0.1."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller  # type: ignore[import-untyped]
from hymio_process import hymio_here


class Mailbox:
    """A mail server of our own; what it took, and what it says of a message."""

    def __init__(self, tls: ssl.SSLContext | None = None, **settings: Any) -> None:
        self.taken: list[EmailMessage] = []
        self.on_data: Callable[[], str | None] = lambda: None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        if tls is not None:
            settings |= {"tls_context": tls, "require_starttls": True}
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **settings)
        self.controller.start()
        self.url = f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self.on_data()
        if answer is not None:
            return answer
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage) and message["To"] == envelope.rcpt_tos[0]
        self.taken.append(message)
        return "250 Taken"


def certificates(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A CA, and what a server at 127.0.0.1 shows."""
    pki = str(folder / "pki")
    for arguments in (("init", "--dir", pki), ("issue", "--dir", pki, "--server", "127.0.0.1")):
        assert hymio_here("pki", *arguments).returncode == 0
    issued = folder / "pki" / "issued" / "127.0.0.1"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(issued / "cert.pem", issued / "key.pem")
    return issued / "ca.pem", context
