"""Sends reports by schedule as long as `hymio serve` runs: by `hymio schedule run`, when any is due.

In a process of its own, since drawing takes seconds and hundreds of megabytes: nobody who reads pages waits for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hymio.common.errors import Failure
from hymio.common.hidden_passwords import DB_VARIABLE, SMTP_VARIABLE
from hymio.common.output import note
from hymio.office.mail import MailServer, parse_mail_server
from hymio.store.database import Store

ROUND_S: Final = 20.0
"""How often it is looked whether any is due."""
_END_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class MailOptions:
    """What was given on the command line; smtp: None is nobody who sends mail, so only folders are served."""

    smtp: str | None = field(default=None, repr=False)
    sender: str | None = None
    ca: Path | None = None

    def server(self) -> MailServer | None:
        """Who sends mail.

        Raises:
            Failure: 2, what was given can't be used.
        """
        return None if self.smtp is None else parse_mail_server(self.smtp, self.sender, self.ca)

    @property
    def arguments(self) -> list[str]:
        """The same without what is secret, for another command."""
        sender = [] if self.sender is None else ["--mail-from", self.sender]
        return [*sender, *([] if self.ca is None else ["--smtp-ca", str(self.ca)])]


class ReportRounds(threading.Thread):
    """Looks every `ROUND_S`, from `start` to `end`."""

    def __init__(self, store: Store, db: str, mail: MailOptions) -> None:
        """Takes the database, opened and as it was given for --db."""
        super().__init__(name="reports", daemon=True)
        self._store, self._db, self._mail = store, db, mail
        self._is_over = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._told = ""

    def run(self) -> None:
        """The rounds."""
        from hymio.office.schedules import is_any_due

        while not self._is_over.is_set():
            try:
                if is_any_due(self._store, self._mail.smtp is not None, time.time()):
                    self._send()
            except Failure:  # the database is away: those who ask for pages say so
                pass
            self._is_over.wait(ROUND_S)

    def end(self) -> None:
        """Has the one that is being sent finish within a while; whoever comes next sends it otherwise."""
        self._is_over.set()
        self.join(_END_S)
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()

    def _send(self) -> None:
        environment = {name: value for name, value in os.environ.items() if name != SMTP_VARIABLE}
        environment[DB_VARIABLE] = self._db
        if self._mail.smtp is not None:
            environment[SMTP_VARIABLE] = self._mail.smtp
        command = [sys.executable, "-m", "hymio", "schedule", "run", "--json", *self._mail.arguments]
        # Ctrl-C in the window is for the server, which ends this one.
        self._child = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        _, said = self._child.communicate()
        status, self._child = self._child.returncode, None
        if status:
            self._tell(said)

    def _tell(self, said: bytes) -> None:
        """Why reports could not go, once, as long as it is the same."""
        text = ""
        with contextlib.suppress(ValueError, KeyError, IndexError, TypeError):
            error = json.loads(said.splitlines()[-1])["error"]
            text = f"{error['message']} {error['hint']}"
        if text and text != self._told:
            self._told = text
            note(text)
