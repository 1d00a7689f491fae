"""Channels: ways to tell somebody, or a program, of what happened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from hymio.common.webhooks import URL_MAX, UrlFault, fault_of_url, new_secret
from hymio.locale.sentence import Sentence, _
from hymio.site.rules import NAME_MAX, is_line
from hymio.store import audit
from hymio.store.accounts import AccountError, checked_email
from hymio.store.schema import channels, deliveries
from hymio.store.sites import StoredSite

_rows: Final = channels.c


class ChannelKind(StrEnum):
    """How somebody is told."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    MQTT = "mqtt"
    APPRISE = "apprise"


_URL_FAULTS: Final = {
    UrlFault.FORM: _("Expected an address as https://crm.example.org/hooks/hymio, without a user's name and a #."),
    UrlFault.NO_TLS: _("Expected an address that begins with https://."),
    UrlFault.INSIDE: _("Expected an address that is not of an inner network."),
}
FAMILIES: Final = ("alert", "case", "answer")
"""Of what somebody may be told: what stands before the dot of an event."""


@dataclass(frozen=True, slots=True)
class NewChannel:
    """What is asked for.

    node_id: of this place and all below it; None: all of the organisation. target: an e-mail address, a URL or a topic.
    secret: with which webhooks are signed. events: some of `FAMILIES`. locale: the code of a language. may_be_inside:
    whether a webhook may lead into our own network.
    """

    organisation_id: int
    node_id: int | None
    name: str
    kind: ChannelKind
    target: str = field(repr=False)
    secret: str | None = field(repr=False)
    events: Sequence[str]
    locale: str
    may_be_inside: bool
    created_by: str
    created_utc: float


@dataclass(frozen=True, slots=True)
class Channel(NewChannel):
    """What is kept."""

    id: int
    ended_utc: float | None

    @property
    def shown_target(self) -> str:
        """The target as it may be shown: whoever knows the whole may often speak there, too."""
        match self.kind:
            case ChannelKind.EMAIL:
                name, _, domain = self.target.rpartition("@")
                return f"{name[:1]}***@{domain}"
            case ChannelKind.MQTT:
                return self.target
            case ChannelKind.WEBHOOK:
                scheme, _, rest = self.target.partition("://")
                return f"{scheme}://{rest.partition('/')[0].partition('?')[0]}/***"
            case ChannelKind.APPRISE:
                return f"{self.target.partition('://')[0]}://***"


_KEPT: Final = [_rows[name] for name in Channel.__dataclass_fields__]


class ChannelError(Exception):
    """A channel that is refused; nothing was done."""

    def __init__(self, said: Sentence) -> None:
        """Takes what was expected, and what came."""
        super().__init__(str(said))
        self.said = said


@dataclass(frozen=True, slots=True)
class ChannelWish:
    """What somebody has typed: see `NewChannel`."""

    name: str
    kind: ChannelKind
    target: str = field(repr=False)
    events: Sequence[str]
    locale: str
    may_be_inside: bool


def make_channel(
    connection: Connection,
    organisation_id: int,
    node_id: int | None,
    wish: ChannelWish,
    who: str | None,
    now_utc: float,
) -> Channel:
    """Adds a channel by the rules that hold everywhere, noted in the audit; in a transaction of `Store.writing`.

    Args:
        connection: to the database.
        organisation_id: whose it is.
        node_id: see `NewChannel`.
        wish: as it was typed.
        who: by whom; None: the account on the computer.
        now_utc: now.

    Raises:
        ChannelError: something about it is not as it has to be.
    """
    if not is_line(wish.name, NAME_MAX) or wish.name.isdecimal():
        raise ChannelError(_("A name has 1 to %(most)s characters in one line, and is no number.", most=NAME_MAX))
    for one in stored_channels(connection):
        if (one.organisation_id, one.name, one.ended_utc) == (organisation_id, wish.name, None):
            raise ChannelError(_("There is a channel %(name)s already.", name=wish.name))
    if not wish.events or any(event not in FAMILIES for event in wish.events):
        raise ChannelError(_("Say of what it tells: %(known)s.", known=", ".join(FAMILIES)))
    _check_target(wish)
    secret = new_secret() if wish.kind is ChannelKind.WEBHOOK else None
    events = [one for one in FAMILIES if one in wish.events]
    new = NewChannel(
        organisation_id, node_id, wish.name, wish.kind, wish.target, secret, events, wish.locale,
        wish.may_be_inside, who or audit.account(), now_utc,
    )  # fmt: skip
    made = add_channel(connection, new)
    said = {"id": made.id, "name": made.name, "kind": made.kind, "target": made.shown_target, "events": events}
    audit.record(connection, "channel.add", said, who)
    return made


def _check_target(wish: ChannelWish) -> None:
    match wish.kind:
        case ChannelKind.EMAIL:
            try:
                if checked_email(wish.target) is None:
                    raise ChannelError(_("Say to which e-mail address."))
            except AccountError as error:
                raise ChannelError(error.said) from None
        case ChannelKind.WEBHOOK:
            if (fault := fault_of_url(wish.target, wish.may_be_inside)) is not None:
                raise ChannelError(_URL_FAULTS[fault])
        case ChannelKind.MQTT:
            is_bad = any(sign in wish.target for sign in "+#") or wish.target.strip("/") != wish.target
            if is_bad or not is_line(wish.target, NAME_MAX):
                raise ChannelError(_("Expected an MQTT topic without + and #, as hymio/events."))
        case ChannelKind.APPRISE:
            if "://" not in wish.target or not is_line(wish.target, URL_MAX):
                raise ChannelError(_("Expected an address of Apprise, as tgram://token/chat."))


def add_channel(connection: Connection, new: NewChannel) -> Channel:
    """Adds one, in a transaction of `Store.writing`."""
    values = {name: getattr(new, name) for name in NewChannel.__dataclass_fields__}
    values |= {"events": json.dumps(list(new.events)), "may_be_inside": int(new.may_be_inside)}
    return _channel(connection.execute(insert(channels).values(values).returning(*_KEPT)).one())


def stored_channels(connection: Connection) -> Iterator[Channel]:
    """All that there ever were, the oldest first."""
    for row in connection.execute(select(*_KEPT).order_by(_rows.id)):
        yield _channel(row)


def channel_of_id(connection: Connection, channel_id: int) -> Channel | None:
    """One of them; None: there is none of that number."""
    row = connection.execute(select(*_KEPT).where(_rows.id == channel_id)).first()
    return None if row is None else _channel(row)


def channels_of(
    connection: Connection, organisation_id: int, nodes: Sequence[int | None], event: str
) -> Sequence[Channel]:
    """Those that are to be told of an event.

    Args:
        connection: to the database.
        organisation_id: in which it happened.
        nodes: the place where it happened and all above it; the organisation itself, None, need not be among them.
        event: as case.opened.
    """
    family = event.partition(".")[0]
    goes_on = (_rows.organisation_id == organisation_id) & _rows.ended_utc.is_(None)
    found = [_channel(row) for row in connection.execute(select(*_KEPT).where(goes_on).order_by(_rows.id))]
    return [one for one in found if family in one.events and (one.node_id is None or one.node_id in nodes)]


def channel_values(channel: Channel, stored: StoredSite, counts: tuple[int, int, int]) -> dict[str, Any]:
    """A channel for programs. counts: of its messages those that were taken, that wait, and that were given up."""
    taken, waiting, dead = counts
    return {
        "id": channel.id,
        "name": channel.name,
        "organisation": stored.site.organisation.key,
        "place": None if channel.node_id is None else stored.node_keys[channel.node_id],
        "kind": channel.kind.value,
        "target": channel.shown_target,
        "events": list(channel.events),
        "language": channel.locale,
        "created_by": channel.created_by,
        "created_utc": channel.created_utc,
        "taken": taken,
        "waiting": waiting,
        "dead": dead,
    }


def end_channel(connection: Connection, channel_id: int, now_utc: float, why: str = "the channel was ended") -> None:
    """From now on nothing goes there; what waits for it is given up."""
    goes_on = (_rows.id == channel_id) & _rows.ended_utc.is_(None)
    connection.execute(update(channels).where(goes_on).values(ended_utc=now_utc))
    waits = (deliveries.c.channel_id == channel_id) & deliveries.c.due_utc.is_not(None)
    connection.execute(update(deliveries).where(waits).values(due_utc=None, dead_utc=now_utc, trouble=why))


def _channel(row: Row[tuple[object, ...]]) -> Channel:
    values = dict(row._mapping)
    values |= {
        "kind": ChannelKind(row.kind),
        "events": tuple(json.loads(row.events)),
        "may_be_inside": bool(row.may_be_inside),
    }
    return Channel(**values)
