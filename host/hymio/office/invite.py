"""`hymio invite`: asks people by a personal link after a purchase, a visit, a call; and what became of it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from hymio.common.clients import is_loopback_name
from hymio.common.durations import parse_duration
from hymio.common.errors import BROKEN_OFF, WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.output import console, note, print_json, print_line
from hymio.common.words import counted
from hymio.locale.language import LOCALES, SOURCE
from hymio.office.bounces import read_bounces
from hymio.office.invite_list import ListedPerson, ListRules, read_list
from hymio.office.invite_send import InviteWays, NobodyThere, send_invitations
from hymio.office.invite_texts import read_template
from hymio.office.mail import MailServer
from hymio.office.site import chosen_site
from hymio.office.tokens import clock
from hymio.site.model import Survey, SurveyType, places_of
from hymio.site.moments import MINUTE_S
from hymio.site.present import is_over, survey_time
from hymio.store.accounts import AccountError, checked_email
from hymio.store.audit import account, record
from hymio.store.database import open_store
from hymio.store.invitations import EMAIL, LINK, Invitee, NewBatch, bounced, counts_of_batches, due, invite
from hymio.store.persons import OTHER_WAY, normal_address, person_behind, person_of
from hymio.store.sites import StoredSite, load_sites

LEFT_OUT: Final = ("twice", "again", "recent", "unsubscribed", "bounced")
_SAID: Final = {
    "twice": "stand on the list more than once",
    "again": "were invited by the same list",
    "recent": "were invited lately",
    "unsubscribed": "want no more",
    "bounced": "cannot be reached",
}


@dataclass(frozen=True, slots=True)
class InviteWish:
    """What is asked for: the options of `hymio invite`."""

    csv: Path
    survey: str
    url: str
    organisation: str | None
    place: str | None
    template: Path | None
    remind_after: str | None
    expires: str
    again_after: str
    dry_run: bool


class _OnlyLooked(Exception):
    """Takes back what a dry run has done."""


def run_invite(db: str, wish: InviteWish, as_json: bool) -> None:
    """Puts the people of a list among those who are sent a link; or tells only who would be.

    Raises:
        Failure: 2, an option is wrong, or anything in the list or the template: nothing was changed.
    """
    url = _base(wish.url)
    template = None if wish.template is None else read_template(wish.template)
    remind_s = None if wish.remind_after is None else _seconds("--remind-after", wish.remind_after)
    expires_s, again_s = _seconds("--expires", wish.expires), _seconds("--again-after", wish.again_after, least=0.0)
    now = time.time()
    store = open_store(db)
    said: dict[str, Any] = {}
    try:
        with store.writing() as connection:
            stored = chosen_site(load_sites(connection), wish.organisation)
            survey = _survey(stored, wish.survey)
            running = _running(stored, survey, now)
            people = read_list(wish.csv, ListRules(running, is_address, _only_place(running, wish.place) is None))
            invitees = [_invitee(connection, stored, survey, wish, running, one, now) for one in people]
            batch = NewBatch(
                _digest(stored, survey, invitees), stored.id, url, template, remind_s, account(), now
            )  # fmt: skip
            counts = invite(connection, batch, invitees, now + expires_s, now - again_s)
            said = {
                "batch": batch.batch,
                "organisation": stored.site.organisation.key,
                "survey": survey.key,
                "listed": len(people),
                "invited": counts["invited"],
                "left_out": {why: counts[why] for why in LEFT_OUT},
                "expires_utc": now + expires_s,
                "dry_run": wish.dry_run,
            }
            if wish.dry_run:
                raise _OnlyLooked
            if counts["invited"]:
                record(connection, "invite.add", {name: said[name] for name in said if name != "dry_run"})
    except _OnlyLooked:
        pass
    finally:
        store.close()
    if as_json:
        print_json(said)
        return
    verb = "would be asked" if wish.dry_run else "will be asked"
    print_line(f"{said['invited']} of {said['listed']} on the list {verb} {wish.survey}.")
    for why, number in said["left_out"].items():
        if number:
            print_line(f"{number} of the list {_SAID[why]}.")
    if said["invited"] and not wish.dry_run:
        note("`hymio serve --smtp ...` or `hymio invite send` sends the links.")


def run_invite_list(db: str, as_json: bool) -> None:
    """Shows all lists that there ever were and what became of them; no names and no addresses."""
    store = open_store(db)
    try:
        with store.reading() as connection:
            sites = {stored.id: stored for stored in load_sites(connection)}
            rows = [
                {"organisation": sites[row.pop("organisation_id")].site.organisation.key, **row}
                for row in counts_of_batches(connection)
            ]
    finally:
        store.close()
    if as_json:
        print_json({"batches": rows})
        return
    if not rows:
        note("Nobody was invited yet. `hymio invite --csv FILE --survey KEY` does so.")
        return
    from rich.table import Table

    names = ("invited", "due", "sent", "reminded", "answered", "bounced", "failed")
    table = Table("list", "of", "made (UTC)", *names, box=None)
    for row in rows:
        numbers = (str(row[name]) for name in names)
        table.add_row(row["batch"][:8], row["organisation"], clock(row["created_utc"])[:16], *numbers)
    console().print(table)


def run_invite_send(db: str, mail: MailServer | None, rate: float, as_json: bool) -> None:
    """Sends what is due, once; for a timer (cron, systemd).

    Raises:
        Failure: 6, a message could not go, or there is no way for it.
    """
    store = open_store(db)
    ways = InviteWays(mail)
    counts: Counter[str] = Counter()
    trouble, is_away = None, False
    try:
        try:
            for one in send_invitations(store, ways, rate=rate):
                sent = "reminded" if one.message.is_reminder else "sent"
                counts[sent if one.trouble is None else "failed" if one.is_final else "later"] += 1
                trouble = one.trouble or trouble
        except NobodyThere as error:
            trouble, is_away = str(error), True
        now = time.time()
        with store.reading() as connection:
            counts["waiting"] = sum(
                1 for way in (EMAIL, LINK) if way not in ways.names for _ in due(connection, now, 1, [way])
            )
    finally:
        store.close()
    said = {name: counts[name] for name in ("sent", "reminded", "failed", "later")} | {"trouble": trouble}
    if as_json:
        print_json(said)
    else:
        print_line(
            f"{counts['sent']} sent, {counts['reminded']} reminded, {counts['failed'] + counts['later']} failed."
        )
    if trouble is not None:
        hint = "Mend that; the others go the next time." if is_away else "`hymio invite list` counts them."
        raise Failure(BROKEN_OFF, f"Not all could go: {trouble}.", hint)
    if counts["waiting"]:
        raise Failure(
            BROKEN_OFF,
            "There is no way for some of the invitations.",
            "Give --smtp for those by e-mail, and install the extra `notify` for the others.",
        )


def run_bounces(db: str, file: Path, as_json: bool) -> None:
    """Notes who cannot be reached, as the messages say that mail servers have sent back.

    Raises:
        Failure: 2, the file can't be read.
    """
    reports = read_bounces(file)
    counts: Counter[str] = Counter()
    now = time.time()
    store = open_store(db)
    try:
        with store.writing() as connection:
            for one in reports:
                if one.uid is None:
                    counts["other"] += 1
                elif not one.is_final:
                    counts["delayed"] += 1
                else:
                    is_new = bounced(connection, one.uid, one.said, now)
                    counts["bounced" if is_new else "unknown" if is_new is None else "known"] += 1
            said = {name: counts[name] for name in ("bounced", "known", "unknown", "delayed", "other")}
            if counts["bounced"]:
                record(connection, "invite.bounces", said)
    finally:
        store.close()
    if as_json:
        print_json(said)
    else:
        print_line(f"{counted(len(reports), 'message')}: {counts['bounced']} cannot be reached that could before.")


def is_address(address: str) -> bool:
    """Whether it is an e-mail address, or a URL that Apprise knows.

    Raises:
        Failure: 2, it is a URL, and the extra `notify` is not installed.
    """
    if OTHER_WAY in address:
        if importlib.util.find_spec("apprise") is None:
            raise missing_extra("notify", ModuleNotFoundError(name="apprise"))
        from hymio.office.deliver import notifier

        try:
            notifier(address)
        except Failure:
            return False
        return True
    try:
        return checked_email(address) is not None and bool(normal_address(address))
    except (AccountError, ValueError):
        return False


def _invitee(
    connection: Connection,
    stored: StoredSite,
    survey: Survey,
    wish: InviteWish,
    running: Sequence[str],
    one: ListedPerson,
    now: float,
) -> Invitee:
    is_other = OTHER_WAY in one.address
    own = stored.site.organisation.locale.partition("_")[0]
    person = person_behind(connection, one.address, now) if is_other else person_of(connection, one.address, now)
    place = one.place or _only_place(running, wish.place)
    assert place is not None, "the list was refused"
    return Invitee(
        stored.surveys[survey.key], stored.nodes[place], person, one.address, LINK if is_other else EMAIL, one.name,
        one.language or (own if own in LOCALES else SOURCE), one.external,
    )  # fmt: skip


def _digest(stored: StoredSite, survey: Survey, invitees: Sequence[Invitee]) -> str:
    """Of what a list says, whatever the order of its rows."""
    rows = sorted(
        [one.node_id, one.person, one.name or "", one.locale, sorted(one.external.items())] for one in invitees
    )
    text = json.dumps([stored.id, stored.surveys[survey.key], rows])
    return hashlib.sha256(text.encode()).hexdigest()


def _survey(stored: StoredSite, key: str) -> Survey:
    known = {one.key: one for one in stored.site.surveys if one.type is SurveyType.CUSTOMER and not one.is_withdrawn}
    if key in known:
        return known[key]
    near = ", ".join(get_close_matches(key, known) or sorted(known)[:10])
    raise Failure(
        WRONG_USE,
        f"--survey: expected the key of a survey of customers of {stored.site.organisation.key}, came {key!r}.",
        f"Near it are {near}. Staff answer without a name." if near else "It has none.",
    )


def _running(stored: StoredSite, survey: Survey, now: float) -> list[str]:
    """The experience points at which it runs now."""
    places, minute = places_of(stored.site), int(now // MINUTE_S)
    found = []
    for point in sorted(places.points_at(survey)):
        first, until = survey_time(survey, places.zone(point))
        if first <= minute and not is_over(until, minute) and not is_over(places.until(point), minute):
            found.append(point)
    if not found:
        raise Failure(
            WRONG_USE,
            f"--survey: {survey.key} runs nowhere now.",
            "`hymio site show` lists which surveys run where.",
        )
    return found


def _only_place(running: Sequence[str], place: str | None) -> str | None:
    """The place of rows that name none; None: each has to."""
    if place is not None and place not in running:
        near = ", ".join(get_close_matches(place, running) or running[:10])
        raise Failure(
            WRONG_USE,
            f"--place: expected the key of an experience point at which the survey runs, came {place!r}.",
            f"Near it are {near}.",
        )
    return place if place is not None else running[0] if len(running) == 1 else None


def _seconds(option: str, text: str, least: float = 1.0) -> float:
    seconds = parse_duration(option, text) / 1000
    if seconds < least:
        raise Failure(WRONG_USE, f"{option}: expected a time of 1s or more, came {text!r}.", "For example: 5d.")
    return seconds


def _base(url: str) -> str:
    parts = urlsplit(url)
    is_ours = parts.netloc and not parts.query and not parts.fragment
    # RFC 8058 has unsubscribing by https alone, and what people answer is theirs.
    if not is_ours or not (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback_name(parts.hostname or ""))
    ):
        raise Failure(
            WRONG_USE,
            f"--url: expected the https:// address by which people reach the server, came {url!r}.",
            "For example: --url https://feedback.example.org.",
        )
    return url.rstrip("/")
