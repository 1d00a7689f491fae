"""Whom we ask by a personal link: who is on which list, what is to be sent, who has answered, and who wants no more.

The secret of a link is not kept. It is made of the server's key and of the invitation's name, so that a reminder has
the same link; the database finds an invitation by the digest.
"""

from __future__ import annotations

import base64
import hmac
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Update, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hymio.store.rows import chunks
from hymio.store.schema import invitation_batches, invitations, unsubscribed
from hymio.store.server_keys import make_key, stored_key

LEASE_S: Final = 300.0
"""Whoever has begun to send a message and said nothing for so long is dead: somebody else sends it."""
TRIES_MAX: Final = 6
EMAIL: Final = "email"
LINK: Final = "link"
"""How it goes, and what `answers.via` says of an answer."""

_KEY: Final = "invitations"
_SECRET_BYTES: Final = 18
ERASED: Final = "erased-"
"""Begins what stands for the person of an invitation who was forgotten: one of its own for each, so that all stay
apart."""
_rows: Final = invitations.c


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A list of whom to invite.

    batch: SHA-256 of what it says, in hexadecimal digits. url: where our pages are for those who are invited. template:
    as `invite_texts` has it; None: ours. remind_after_s: None reminds nobody.
    """

    batch: str
    organisation_id: int
    url: str
    template: Mapping[str, Any] | None
    remind_after_s: float | None
    created_by: str
    created_utc: float


@dataclass(frozen=True, slots=True)
class Invitee:
    """Somebody on it. person: as `persons` has it; external: what the CRM calls them."""

    survey_id: int
    node_id: int
    person: str
    address: str
    via: str
    name: str | None
    locale: str
    external: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is to be sent. due_utc: since when, by which it is claimed; is_reminder: else it is the first."""

    id: int
    uid: str
    organisation_id: int
    survey_id: int
    node_id: int
    address: str
    via: str
    name: str | None
    locale: str
    expires_utc: float
    due_utc: float
    tries: int
    is_reminder: bool
    url: str
    template: Mapping[str, Any] | None
    remind_after_s: float | None

    @property
    def message_name(self) -> str:
        """By which the message is told from all others, however often it is sent."""
        return f"{'reminder' if self.is_reminder else 'invitation'}.{self.uid}"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What is known of whoever opens a link."""

    id: int
    uid: str
    organisation_id: int
    survey_id: int
    node_id: int
    person: str
    via: str
    locale: str
    external: Mapping[str, str] | None
    expires_utc: float
    answered_utc: float | None

    @property
    def known_person(self) -> str | None:
        """Who it is; None: it was forgotten."""
        return None if self.person.startswith(ERASED) else self.person


class Links:
    """Makes the links of a database."""

    def __init__(self, key: bytes) -> None:
        """Takes the server's key."""
        self._key = key

    @classmethod
    def of(cls, connection: Connection, now_utc: float | None = None) -> Links:
        """Those of a database; its key is made if there is none yet, for which the time has to be told."""
        key = stored_key(connection, _KEY) if now_utc is None else make_key(connection, _KEY, now_utc)
        assert key is not None, "whoever makes invitations makes the key before"
        return cls(key)

    def secret(self, uid: str) -> str:
        """That of an invitation: 24 letters that nobody guesses."""
        made = hmac.digest(self._key, f"link\0{uid}".encode(), sha256)[:_SECRET_BYTES]
        return base64.urlsafe_b64encode(made).decode()


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def invite(
    connection: Connection, batch: NewBatch, invitees: Iterable[Invitee], expires_utc: float, since_utc: float
) -> Counter[str]:
    """Puts those who may be invited on the list of what is to be sent.

    Args:
        connection: comes from `Store.writing`.
        batch: the list; if it is there already it stays as it was.
        invitees: who is on it.
        expires_utc: until when their links are good.
        since_utc: who was invited by this organisation after that is left out.

    Returns:
        How many are `invited`; and how many are not because they are on the list `twice`, are on one that was the same
        (`again`), want no more (`unsubscribed`), cannot be reached (`bounced`) or were invited lately (`recent`).
    """
    said: Counter[str] = Counter()
    people: dict[str, Invitee] = {}
    for one in invitees:
        if one.person in people:
            said["twice"] += 1
        people.setdefault(one.person, one)
    why = _left_out(connection, batch, list(people), since_utc)
    said.update(why.values())
    chosen = [one for person, one in people.items() if person not in why]
    said["invited"] = len(chosen)
    if not chosen:
        return said
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {name: getattr(batch, name) for name in NewBatch.__dataclass_fields__}
    values["template"] = None if batch.template is None else json.dumps(batch.template, ensure_ascii=False)
    connection.execute(dialect.insert(invitation_batches).values(values).on_conflict_do_nothing())
    links = Links.of(connection, batch.created_utc)
    connection.execute(insert(invitations), [_new(one, batch, links, expires_utc) for one in chosen])
    return said


def _new(one: Invitee, batch: NewBatch, links: Links, expires_utc: float) -> dict[str, Any]:
    uid = str(uuid.uuid4())
    return {
        **{name: getattr(one, name) for name in Invitee.__dataclass_fields__},
        "external": json.dumps(one.external, ensure_ascii=False) if one.external else None,
        "uid": uid,
        "digest": _digest(links.secret(uid)),
        "batch": batch.batch,
        "created_utc": batch.created_utc,
        "due_utc": batch.created_utc,
        "expires_utc": expires_utc,
    }


def _left_out(connection: Connection, batch: NewBatch, people: Sequence[str], since_utc: float) -> dict[str, str]:
    """Who is not invited, and why; the gravest reason of each."""
    found: dict[str, str] = {}
    own = _rows.batch.in_(
        select(invitation_batches.c.batch).where(invitation_batches.c.organisation_id == batch.organisation_id)
    )
    of_organisation = unsubscribed.c.organisation_id == batch.organisation_id
    for some in chunks(people):
        who, gone = _rows.person.in_(some), unsubscribed.c.person.in_(some)
        for why, query in (
            ("unsubscribed", select(unsubscribed.c.person).where(gone, of_organisation)),
            ("bounced", select(_rows.person).where(who, own, _rows.bounced_utc.is_not(None))),
            ("again", select(_rows.person).where(who, _rows.batch == batch.batch)),
            ("recent", select(_rows.person).where(who, own, _rows.created_utc > since_utc)),
        ):
            for person in connection.execute(query.distinct()).scalars():
                found.setdefault(person, why)
    return found


def end_what_is_over(connection: Connection, now_utc: float) -> None:
    """Nothing more is sent to who has answered, wants no more, is too late or was forgotten."""
    connection.execute(update(invitations).where(_rows.due_utc <= now_utc, _is_over(now_utc)).values(due_utc=None))


def _is_over(now_utc: float) -> ColumnElement[bool]:
    wants_no_more = (
        select(unsubscribed.c.person)
        .join(invitation_batches, invitation_batches.c.organisation_id == unsubscribed.c.organisation_id)
        .where(unsubscribed.c.person == _rows.person, invitation_batches.c.batch == _rows.batch)
        .correlate(invitations)
        .exists()
    )
    return _rows.answered_utc.is_not(None) | _rows.address.is_(None) | (_rows.expires_utc <= now_utc) | wants_no_more


def due(connection: Connection, now_utc: float, most: int, ways: Sequence[str]) -> list[Due]:
    """What is to be sent by now by one of these ways (`EMAIL`, `LINK`), the longest due first, at most `most` of it."""
    names = [name for name in Due.__dataclass_fields__ if name in _rows]
    lists = invitation_batches.c
    query = (
        select(
            *(_rows[name] for name in names), _rows.sent_utc, lists.organisation_id, lists.url, lists.template,
            lists.remind_after_s,
        )
        .join(invitation_batches, lists.batch == _rows.batch)
        .where(_rows.due_utc <= now_utc, _rows.via.in_(ways))
        .order_by(_rows.due_utc, _rows.id)
        .limit(most)
    )  # fmt: skip
    return [
        Due(
            **{name: row._mapping[name] for name in (*names, "organisation_id", "url", "remind_after_s")},
            is_reminder=row.sent_utc is not None,
            template=None if row.template is None else json.loads(row.template),
        )
        for row in connection.execute(query)
    ]


def claim(connection: Connection, one: Due, now_utc: float) -> float | None:
    """Takes it upon us to send a message: gives until when it is ours; None: it has changed since it was read.

    Many are read at a time, and it may be an hour until the last of them goes: what is over by then does not go.
    `connection` comes from `Store.writing`; it holds once that has been committed.
    """
    until_utc = now_utc + LEASE_S
    still = (_rows.id == one.id) & (_rows.due_utc == one.due_utc) & ~_is_over(now_utc)
    taken = connection.execute(update(invitations).where(still).values(due_utc=until_utc))
    return until_utc if taken.rowcount == 1 else None


def went(connection: Connection, one: Due, claimed_utc: float, now_utc: float) -> None:
    """The message was taken by whoever sends it on; `claimed_utc` is what `claim` gave."""
    values: dict[str, Any] = {"tries": 0, "trouble": None, "due_utc": None}
    if one.is_reminder:
        values["reminded_utc"] = now_utc
    else:
        values["sent_utc"] = now_utc
        if one.remind_after_s is not None and now_utc + one.remind_after_s < one.expires_utc:
            values["due_utc"] = now_utc + one.remind_after_s
    connection.execute(_ours(one, claimed_utc).values(values))


def failed(connection: Connection, one: Due, claimed_utc: float, trouble: str, again_utc: float | None) -> None:
    """It was not, and why. again_utc: when it is tried again; None: as often as is worth while it has been."""
    values = {"due_utc": again_utc, "trouble": trouble, "tries": one.tries + 1}
    connection.execute(_ours(one, claimed_utc).values(values))


def put_back(connection: Connection, one: Due, claimed_utc: float, trouble: str, again_utc: float) -> None:
    """It was no fault of this message: nobody was there to take any."""
    connection.execute(_ours(one, claimed_utc).values(due_utc=again_utc, trouble=trouble))


def _ours(one: Due, claimed_utc: float) -> Update:
    return update(invitations).where((_rows.id == one.id) & (_rows.due_utc == claimed_utc))


def bounced(connection: Connection, uid: str, trouble: str, now_utc: float) -> bool | None:
    """Notes that nobody can be reached there: nothing is sent there any more.

    Returns:
        Whether that is new; None: there is no such invitation.
    """
    is_it = _rows.uid == uid
    values = {"bounced_utc": now_utc, "trouble": trouble, "due_utc": None}
    changed = connection.execute(update(invitations).where(is_it, _rows.bounced_utc.is_(None)).values(values)).rowcount
    if changed:
        return True
    return False if connection.execute(select(_rows.id).where(is_it)).first() else None


def invitation_of(connection: Connection, secret: str) -> Invitation | None:
    """Whose link has that secret; None: nobody's."""
    names = [name for name in Invitation.__dataclass_fields__ if name in _rows]
    query = (
        select(*(_rows[name] for name in names), invitation_batches.c.organisation_id)
        .join(invitation_batches, invitation_batches.c.batch == _rows.batch)
        .where(_rows.digest == _digest(secret))
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    values = dict(row._mapping)
    return Invitation(**values | {"external": None if row.external is None else json.loads(row.external)})


def take_answer(connection: Connection, invitation: Invitation, now_utc: float) -> bool:
    """Whether this is the first answer of a link that is good; it is the last one then.

    `connection` comes from `Store.writing`, which keeps the answer in the same transaction.
    """
    is_first = (_rows.id == invitation.id) & _rows.answered_utc.is_(None) & (_rows.expires_utc > now_utc)
    return connection.execute(update(invitations).where(is_first).values(answered_utc=now_utc)).rowcount == 1


def unsubscribe(connection: Connection, invitation: Invitation, now_utc: float) -> None:
    """The organisation writes to this person no more, also if another list has them. The first time is kept."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {"organisation_id": invitation.organisation_id, "person": invitation.person, "at_utc": now_utc}
    connection.execute(dialect.insert(unsubscribed).values(values).on_conflict_do_nothing())


def is_unsubscribed(connection: Connection, invitation: Invitation) -> bool:
    """Whether they want no more."""
    its = (unsubscribed.c.organisation_id == invitation.organisation_id) & (unsubscribed.c.person == invitation.person)
    return connection.execute(select(unsubscribed.c.person).where(its)).first() is not None


@dataclass(frozen=True, slots=True)
class Sent:
    """An invitation that went, for response rates."""

    node_id: int
    survey_id: int
    via: str
    sent_utc: float
    has_bounced: bool
    has_answered: bool


def sent_invitations(connection: Connection, from_utc: float, until_utc: float) -> Iterator[Sent]:
    """Those that went in a stretch of time (seconds of 1970, the end excluded), whatever became of them."""
    query = select(
        _rows.node_id, _rows.survey_id, _rows.via, _rows.sent_utc, _rows.bounced_utc.is_not(None),
        _rows.answered_utc.is_not(None),
    ).where(_rows.sent_utc >= from_utc, _rows.sent_utc < until_utc)  # fmt: skip
    for row in connection.execute(query):
        yield Sent(*row)


def counts_of_batches(connection: Connection) -> list[dict[str, Any]]:
    """Every list, the oldest first: how many are invited, sent, reminded, answered, bounced, failed and due."""
    lists = invitation_batches.c

    def of(name: str, which: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count().filter(which).label(name)

    query = (
        select(
            lists.batch, lists.organisation_id, lists.created_by, lists.created_utc, func.count().label("invited"),
            of("sent", _rows.sent_utc.is_not(None)), of("reminded", _rows.reminded_utc.is_not(None)),
            of("answered", _rows.answered_utc.is_not(None)), of("bounced", _rows.bounced_utc.is_not(None)),
            of("failed", _rows.sent_utc.is_(None) & _rows.due_utc.is_(None) & _rows.trouble.is_not(None)
               & _rows.bounced_utc.is_(None)),
            of("due", _rows.due_utc.is_not(None)),
        )
        .join(invitations, _rows.batch == lists.batch)
        .group_by(lists.batch, lists.organisation_id, lists.created_by, lists.created_utc)
        .order_by(lists.created_utc, lists.batch)
    )  # fmt: skip
    return [dict(row._mapping) for row in connection.execute(query)]
