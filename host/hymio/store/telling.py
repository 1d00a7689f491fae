"""Those who want to hear of a place are told of what happened there, each in the words of their language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from hymio.locale.language import Language, language_of
from hymio.store.channels import channels_of
from hymio.store.deliveries import queue
from hymio.store.schema import nodes

Words = Callable[[Language], tuple[str, str]]
"""Title and text for people."""


def above(connection: Connection, node_id: int) -> list[int]:
    """A place and all groups around it, the smallest first."""
    found: list[int] = []
    now: int | None = node_id
    while now is not None and now not in found:
        found.append(now)
        now = connection.execute(select(nodes.c.parent_id).where(nodes.c.id == now)).scalar()
    return found


def tell_of(
    connection: Connection,
    organisation_id: int,
    node_id: int,
    event: str,
    subject: str,
    of: Callable[[], tuple[Words, Mapping[str, Any]]],
    now_utc: float,
) -> None:
    """Queues a message for every channel that hears of the place.

    Args:
        connection: comes from `Store.writing`, in the transaction in which it happens.
        organisation_id: whose place it is.
        node_id: where it happened.
        event: see `deliveries.EVENTS`.
        subject: what it happened to; one event of one subject is one message for each channel.
        of: gives the words and what programs get; it is not asked if nobody is told.
        now_utc: when.
    """
    told = channels_of(connection, organisation_id, above(connection, node_id), event)
    if not told:
        return
    words, data = of()
    for channel in told:
        title, text = words(language_of(channel.locale))
        queue(connection, channel.id, event, subject, {"title": title, "text": text, **data}, now_utc)
