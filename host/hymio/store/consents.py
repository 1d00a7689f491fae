"""What people agree to when they leave an address: a text that somebody agreed to never changes; another follows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from hymio.store.schema import consents


@dataclass(frozen=True, slots=True)
class Consent:
    """One version of an organisation's text, by locale."""

    id: int
    version: int
    texts: Mapping[str, str]
    from_utc: float


def consents_of(connection: Connection, organisation_id: int) -> list[Consent]:
    """All versions that there ever were, the newest first."""
    rows = consents.c
    query = select(rows.id, rows.version, rows.texts, rows.from_utc).where(rows.organisation_id == organisation_id)
    return [
        Consent(row.id, row.version, json.loads(row.texts), row.from_utc)
        for row in connection.execute(query.order_by(rows.version.desc()))
    ]


def add_consent(connection: Connection, organisation_id: int, texts: Mapping[str, str], now_utc: float) -> Consent:
    """Makes the next version, which is shown from now on; `connection` comes from `Store.writing`."""
    newest = select(func.max(consents.c.version)).where(consents.c.organisation_id == organisation_id)
    version = (connection.execute(newest).scalar() or 0) + 1
    row = {
        "organisation_id": organisation_id,
        "version": version,
        "texts": json.dumps(dict(texts), ensure_ascii=False, sort_keys=True),
        "from_utc": now_utc,
    }
    made = connection.execute(insert(consents).values(row).returning(consents.c.id)).scalar_one()
    return Consent(made, version, texts, now_utc)
