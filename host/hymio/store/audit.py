"""The audit: who changed what by hand, and when. It is only ever added to."""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from hymio.store.schema import audit


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change."""

    id: int
    """In order of the changes, with gaps."""
    at_utc: float
    who: str
    action: str
    """`site.import`, `token.create`, ..."""
    details: dict[str, Any]


def account() -> str:
    """Who runs this: the account and the computer, as anna@office-1."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name, as in a container
        name = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    return f"{name}@{socket.gethostname()}"


def record(connection: Connection, action: str, details: Mapping[str, Any], who: str | None = None) -> None:
    """Notes a change, in the transaction that makes it.

    Args:
        connection: comes from `Store.writing`.
        action: what was done, as `db.prune`.
        details: for JSON; nothing secret.
        who: None: the account that runs this.
    """
    text = json.dumps(details, ensure_ascii=False)
    connection.execute(insert(audit).values(at_utc=time.time(), who=who or account(), action=action, details=text))


def entries(connection: Connection, limit: int) -> Iterator[AuditEntry]:
    """The newest changes, the newest first, at most `limit` of them."""
    for row in connection.execute(select(audit).order_by(audit.c.id.desc()).limit(limit)):
        yield AuditEntry(row.id, row.at_utc, row.who, row.action, json.loads(row.details))
