"""E-mail: where it is given to be sent, and how one is sent so that whoever gets it can tell from whom it is."""

from __future__ import annotations

import contextlib
import os
import smtplib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from pathlib import Path
from queue import Empty, Queue
from typing import Final

from hymio.common.addresses import HOW_TO_QUOTE, address_in, shown_address, split_login
from hymio.common.clients import is_loopback_name
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.hidden_passwords import without_secrets
from hymio.store.accounts import is_email

SUBMISSION_PORT: Final = 587
"""Where mail is given to a server (RFC 6409), with TLS by STARTTLS; and with TLS from the beginning (RFC 8314):"""
SUBMISSIONS_PORT: Final = 465
PERMANENT: Final = 500
"""From here on an answer means that it will be the same the next time (RFC 5321, 4.2.1)."""
WHOLE_S: Final = 180.0
"""How long it may take for all of them together: whoever says a letter now and then is not waited for without end."""
TIMEOUT_S: Final = 30.0
"""How long a server may take for one answer."""


class MailTrouble(Exception):
    """A message was not taken; args[0] says why, for people, without a password.

    is_of_recipient: nobody can be reached at that address, and it is of no use to try again. is_of_server: no message
    would have been taken, whatever was in it.
    """

    def __init__(self, said: str, is_of_recipient: bool = False, is_of_server: bool = False) -> None:
        """Takes why, and what it means for this message and for others."""
        super().__init__(said)
        self.is_of_recipient, self.is_of_server = is_of_recipient, is_of_server


@dataclass(frozen=True, slots=True)
class MailServer:
    """Who sends our mail on.

    tls: from the beginning; otherwise by STARTTLS, or not at all to a server on this very computer. ca: believe only
    servers of this CA (PEM); then it is TLS on this computer, too. sender: from whom mail is.
    """

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None = field(repr=False)
    sender: str = ""
    ca: Path | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'smtps' if self.tls else 'smtp'}://{host}:{self.port}"

    @property
    def wants_starttls(self) -> bool:
        """Whether nothing is said in the clear but the wish for TLS."""
        return not self.tls and (self.ca is not None or not is_loopback_name(self.host))


def parse_mail_server(url: str, sender: str | None = None, ca: Path | None = None) -> MailServer:
    """Reads `smtp://[user:password@]host[:port]` or `smtps://...`; @FILE holds one of them.

    Args:
        url: what was typed.
        sender: from whom mail is to be; None: the user, if that is an address, else hymio at this computer.
        ca: see `MailServer`.

    Raises:
        Failure: 2, it is no address of a mail server, or no sender, or the CA can't be read.
    """
    url = address_in(url, "--smtp")
    try:
        host, port, tls, username, password = split_login(url, "smtp", "smtps")
    except ValueError:
        raise Failure(
            WRONG_USE,
            f"--smtp {shown_address(url)!r} is not the address of a mail server.",
            HOW_TO_QUOTE if "@" in url else "For example: --smtp smtp://user:password@mail.example, or smtps://.",
        ) from None
    if sender is None:
        sender = username if username and "@" in username else f"hymio@{socket.getfqdn()}"
    if not is_email(sender) or not sender.isascii():
        raise Failure(
            WRONG_USE, f"--mail-from: expected an e-mail address, came {sender!r}.", "As in reports@example.org."
        )
    server = MailServer(
        host, port or (SUBMISSIONS_PORT if tls else SUBMISSION_PORT), tls, username, password, sender, ca
    )
    if ca is not None:
        try:
            _context(server)
        except (OSError, ValueError) as error:
            raise Failure(WRONG_USE, f"--smtp-ca {ca}: {error}.", "Give a CA's certificate as PEM.") from error
    return server


def message_to(server: MailServer, recipient: str, subject: str, text: str, name: str) -> EmailMessage:
    """A message that nobody needs to answer.

    Args:
        server: by which it will go.
        recipient: an e-mail address.
        subject: one line.
        text: what it says.
        name: by which it is told from all others: the same message has the same name when it comes again, so that
            mail programs show it once.
    """
    message = EmailMessage()
    message["From"] = f"hymio <{server.sender}>"
    message["To"] = recipient
    message["Subject"] = " ".join(subject.split())
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = f"<{name}@{server.sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


def send_mail(server: MailServer, message: EmailMessage) -> None:
    """Gives a message to the server; it has taken it when this returns.

    Raises:
        MailTrouble: it has not.
    """
    found: Queue[Exception | None] = Queue()

    def send() -> None:
        try:
            _send(server, message)
        except Exception as error:
            found.put(error)
        else:
            found.put(None)

    threading.Thread(target=send, daemon=True).start()
    try:
        error = found.get(timeout=WHOLE_S)
    except Empty:
        raise MailTrouble(f"{server} does not come to an end", is_of_server=True) from None
    if error is not None:
        raise error


def _send(server: MailServer, message: EmailMessage) -> None:
    try:
        connection = _connected(server)
        try:
            if server.wants_starttls:
                connection.starttls(context=_context(server))
            if server.username is not None:
                connection.login(server.username, server.password or "")
            connection.send_message(message)
        finally:
            # It was taken, or it was not: whether the server says good-bye changes nothing.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                connection.quit()
    except smtplib.SMTPRecipientsRefused as error:
        code, answer = next(iter(error.recipients.values()))
        raise MailTrouble(f"{server} refuses the recipient: {_said(code, answer)}", code >= PERMANENT) from error
    except smtplib.SMTPNotSupportedError as error:
        # Of the message if it is for an address that not every server can have (SMTPUTF8).
        is_of_server = str(message["To"]).isascii()
        raise MailTrouble(f"{server} can't do what we need: {error}", is_of_server=is_of_server) from error
    except smtplib.SMTPResponseException as error:
        said = _said(error.smtp_code, error.smtp_error)
        is_of_server = not isinstance(error, smtplib.SMTPDataError)
        raise MailTrouble(f"{server} refuses: {said}", is_of_server=is_of_server) from error
    except ssl.SSLCertVerificationError as error:
        raise MailTrouble(f"{server} is not whom we trust: {error.verify_message}", is_of_server=True) from error
    except smtplib.SMTPException as error:
        raise MailTrouble(f"{server}: {without_secrets(str(error))}", is_of_server=True) from error
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise MailTrouble(f"{server} can't be reached: {why}", is_of_server=isinstance(error, OSError)) from error


def _connected(server: MailServer) -> smtplib.SMTP:
    if server.tls:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=_context(server))
    return smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)


def _context(server: MailServer) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None if server.ca is None else os.fspath(server.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _said(code: int, said: bytes | str) -> str:
    """An answer of a server, in one line."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return without_secrets(f"{code} {' '.join(text.split())}"[:200])
