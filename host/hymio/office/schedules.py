"""`hymio schedule`: reports of a place every day, week or month, by e-mail or into a folder; and what sends them."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from hymio.common.errors import BROKEN_OFF, WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.output import console, note, print_json, print_line
from hymio.figures.cells import FigureQuery
from hymio.figures.comparing import PREVIOUS, compare
from hymio.figures.reading import FigureReader
from hymio.figures.wall_time import whole_days
from hymio.locale.language import language_of
from hymio.measures.report_periods import ReportPeriod, periods_due
from hymio.office.mail import MailServer, MailTrouble, message_to, send_mail
from hymio.office.report_words import FiguresReport, happy_index_of, report_of
from hymio.office.site import chosen_place, chosen_site
from hymio.office.tokens import clock
from hymio.store.accounts import AccountError, checked_email
from hymio.store.audit import account, record
from hymio.store.database import Store, open_store
from hymio.store.report_schedules import (
    EMAIL,
    FOLDER,
    NewSchedule,
    StoredSchedule,
    add_schedule,
    claim,
    end_schedule,
    failed,
    over_before,
    reports_today,
    schedule_values,
    sent,
    stored_schedules,
)
from hymio.store.sites import StoredSite, load_sites

RETRY_S: Final = 300.0
"""So long after it failed `hymio serve` tries a report again."""
ROWS_MAX: Final = 40
"""So many places are in the text of a mail; the report beside it has all."""


@dataclass(frozen=True, slots=True)
class ScheduleWish:
    """What is asked for: the options of `hymio schedule add`."""

    every: str
    to: str | None
    folder: Path | None
    format: str
    language: str
    organisation: str | None
    place: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """One report: made, or about to be."""

    schedule: StoredSchedule
    site: StoredSite
    period: ReportPeriod

    @property
    def place(self) -> str | None:
        """Key of its place; None: all of the organisation."""
        node_id = self.schedule.node_id
        return None if node_id is None else self.site.node_keys[node_id]

    @property
    def file_name(self) -> str:
        """The same for the same report, however often it is made."""
        key = self.place or self.site.site.organisation.key
        one = self.schedule
        return f"{key}-{one.every}-{self.period.last.isoformat()}-{one.locale}.{one.format}"

    @property
    def message_name(self) -> str:
        """The same, among all messages."""
        organisation = self.site.site.organisation.key
        return (
            f"report.{self.schedule.id}.{self.period.last.isoformat()}.{organisation}.{self.schedule.created_utc:.0f}"
        )

    def as_json(self) -> dict[str, Any]:
        """As the contract has it."""
        return {
            "id": self.schedule.id,
            "place": self.place,
            "from": self.period.first.isoformat(),
            "to": self.period.last.isoformat(),
            "kind": self.schedule.kind,
            "recipient": self.schedule.recipient,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a report that was due. trouble: why it did not go; None: it went, or has waited (`waits`)."""

    report: Report
    trouble: str | None = None
    waits: bool = False


def run_add(db: str, wish: ScheduleWish, as_json: bool) -> None:
    """Adds a schedule; its first report tells of the day, week or month that goes on now.

    Raises:
        Failure: 2, there is no such organisation or place, or no way for it to go.
    """
    kind, recipient = _way(wish)
    store = open_store(db)
    try:
        with store.writing() as connection:
            stored = chosen_site(load_sites(connection), wish.organisation)
            node_id = chosen_place(stored, wish.place, "--place")
            now = time.time()
            new = NewSchedule(
                stored.id, node_id, wish.every, wish.language, wish.format, kind, recipient, account(), now,
                over_before(wish.every, stored, wish.place, now),
            )  # fmt: skip
            said = schedule_values(add_schedule(connection, new), stored)
            record(connection, "schedule.add", said)
    finally:
        store.close()
    if as_json:
        print_json(said)
    else:
        what = wish.place or said["organisation"]
        print_line(f"Schedule {said['id']}: {what} every {wish.every}, from the one that goes on now, to {recipient}.")


def run_list(db: str, as_json: bool) -> None:
    """Shows all schedules that there ever were, and what became of their last report."""
    store = open_store(db)
    try:
        with store.reading() as connection:
            sites = {stored.id: stored for stored in load_sites(connection)}
            rows = [schedule_values(one, sites[one.organisation_id]) for one in stored_schedules(connection)]
    finally:
        store.close()
    if as_json:
        print_json({"schedules": rows})
        return
    if not rows:
        note("There are no schedules. `hymio schedule add` makes one.")
        return
    from rich.table import Table

    table = Table("id", "of", "every", "as", "to", "last sent (UTC)", "state", box=None)
    for row in rows:
        last = "never" if row["sent_utc"] is None else f"{clock(row['sent_utc'])[:16]}, to {row['sent_through']}"
        state = "ended" if row["ended_utc"] else row["trouble"] or "good"
        what = f"{row['format']} {row['language']}"
        table.add_row(
            str(row["id"]), row["place"] or row["organisation"], row["every"], what, row["recipient"], last, state
        )
    console().print(table)


def run_remove(db: str, schedule_id: int, as_json: bool) -> None:
    """Ends a schedule.

    Raises:
        Failure: 2, there is none of that number.
    """
    now = time.time()
    store = open_store(db)
    try:
        with store.writing() as connection:
            one = next((one for one in stored_schedules(connection) if one.id == schedule_id), None)
            if one is None:
                raise Failure(WRONG_USE, f"There is no schedule {schedule_id}.", "`hymio schedule list` shows them.")
            if one.ended_utc is None:
                end_schedule(connection, one.id, now)
                record(connection, "schedule.remove", {"id": one.id, "recipient": one.recipient})
    finally:
        store.close()
    if as_json:
        print_json({"id": one.id, "ended_utc": one.ended_utc or now})
    else:
        print_line(f"Schedule {one.id} sends nothing any more.")


def run_once(db: str, mail: MailServer | None, as_json: bool) -> None:
    """Sends what is due, once; for a timer (cron, systemd).

    Raises:
        Failure: 6, a report could not go: it is tried again next time.
    """
    store = open_store(db)
    try:
        outcomes = list(send_due(store, mail, rest_s=0.0))
    finally:
        store.close()
    gone = [one.report for one in outcomes if one.trouble is None and not one.waits]
    waiting = [one.report for one in outcomes if one.waits]
    troubles = [one for one in outcomes if one.trouble is not None]
    if as_json:
        print_json(
            {
                "sent": [one.as_json() for one in gone],
                "failed": [{**one.report.as_json(), "trouble": one.trouble} for one in troubles],
                "waiting": [one.as_json() for one in waiting],
            }
        )
    else:
        for one in gone:
            print_line(f"{one.place or one.site.site.organisation.key} to {one.period.last}: {one.schedule.recipient}")
        if not outcomes:
            note("No report is due.")
    if troubles:
        first = troubles[0]
        raise Failure(
            BROKEN_OFF,
            f"{len(troubles)} of {len(outcomes)} reports could not go. {first.report.schedule.recipient}:"
            f" {first.trouble}.",
            "Mend that; what is due is tried again the next time.",
        )
    if waiting:
        raise Failure(
            BROKEN_OFF,
            f"{len(waiting)} reports are to go by e-mail, and no mail server is given.",
            "Give --smtp smtp://user:password@mail.example, or HYMIO_SMTP.",
        )


def send_due(
    store: Store, mail: MailServer | None, rest_s: float, now_utc: Callable[[], float] = time.time
) -> Iterator[Outcome]:
    """Sends every report that is due and that nobody else is sending; one after another, the oldest first.

    Each goes once: whoever sends it has taken it upon himself in the database before, and says there when it is gone.
    Only if one is killed between the moment when the mail server has taken a report and that word, it goes once more,
    under the same name.

    Args:
        store: the database.
        mail: by which mail goes; None: it waits.
        rest_s: so long after it failed a report is not tried again.
        now_utc: the time.
    """
    with store.reading() as connection:
        sites = {stored.id: stored for stored in load_sites(connection)}
        schedules = [one for one in stored_schedules(connection) if one.ended_utc is None]
    for schedule in schedules:
        site = sites[schedule.organisation_id]
        for report in _due(schedule, site, now_utc()):
            if mail is None and schedule.kind == EMAIL:
                yield Outcome(report, waits=True)
                continue
            claimed_utc = now_utc()
            with store.writing() as connection:
                is_ours = claim(connection, report.schedule, claimed_utc, rest_s)
            if not is_ours:
                break
            trouble = _went(store, report, mail, claimed_utc)
            with store.writing() as connection:
                if trouble is None:
                    sent(connection, schedule.id, claimed_utc, report.period.last.isoformat(), now_utc())
                else:
                    failed(connection, schedule.id, claimed_utc, trouble)
            yield Outcome(report, trouble)
            if trouble is not None:
                break


def is_any_due(store: Store, has_mail: bool, now_utc: float) -> bool:
    """Whether `send_due` would do anything; what failed rests for `RETRY_S`."""
    with store.reading() as connection:
        going = [one for one in stored_schedules(connection) if one.ended_utc is None]
        waiting = [one for one in going if has_mail or one.kind != EMAIL]
        free = [one for one in waiting if one.tried_utc is None or one.tried_utc <= now_utc - RETRY_S]
        if not free:
            return False
        sites = {stored.id: stored for stored in load_sites(connection)}
    return any(True for one in free for _ in _due(one, sites[one.organisation_id], now_utc))


def _due(schedule: StoredSchedule, site: StoredSite, now_utc: float) -> Iterator[Report]:
    place = None if schedule.node_id is None else site.node_keys[schedule.node_id]
    today = reports_today(site, place, now_utc)
    for period in periods_due(schedule.every, date.fromisoformat(schedule.sent_through), today):
        yield Report(schedule, site, period)
        # What was read of the schedule is of before; the next one is claimed by what this one leaves behind.
        schedule = replace(schedule, sent_through=period.last.isoformat())


def _went(store: Store, report: Report, mail: MailServer | None, now_utc: float) -> str | None:
    """Makes a report and has it go; why it did not, or None."""
    try:
        words = _made(store, report, now_utc)
        body = _drawn(words, report.schedule.format)
        if report.schedule.kind == FOLDER:
            _put(Path(report.schedule.recipient), report.file_name, body)
        else:
            assert mail is not None, "it would wait"
            message = message_to(mail, report.schedule.recipient, words.title, _text(words), report.message_name)
            main, sub = {"pdf": ("application", "pdf"), "html": ("text", "html")}[report.schedule.format]
            message.add_attachment(body, maintype=main, subtype=sub, filename=report.file_name)
            send_mail(mail, message)
    except MailTrouble as error:
        return str(error)
    except OSError as error:
        return f"{error.filename or report.schedule.recipient}: {error.strerror or error}"
    except ValueError as error:  # a place of which nothing can be told
        return str(error).rstrip(".")
    except Failure:
        raise
    except Exception as error:  # a bug: no other report waits for its end
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"a bug in hymio: {type(error).__name__} in {place.name}, {place.filename}:{place.lineno}"
    return None


def _made(store: Store, report: Report, now_utc: float) -> FiguresReport:
    stretch = whole_days(report.period.first.isoformat(), report.period.last.isoformat())
    query = FigureQuery("place", None, stretch, report.site.site.organisation.key, report.place)
    with store.reading() as connection:
        answer = compare(FigureReader(connection, now_utc), query, PREVIOUS).as_json()
    return report_of(answer, language_of(report.schedule.locale))


def _drawn(words: FiguresReport, kind: str) -> bytes:
    try:
        if kind == "html":
            from hymio.office.report_page import page

            return page(words).encode()
        from hymio.office.report_pdf import pdf

        return pdf(words)
    except ImportError as error:
        raise missing_extra("report", error) from error


def _text(words: FiguresReport) -> str:
    """What a mail says without its report being opened."""
    rows = [f"{words.labels[cell['key']]}: {happy_index_of(words, cell)}" for cell in words.cells[:ROWS_MAX]]
    if len(words.cells) > len(rows):
        rows.append("…")
    return "\n".join([words.title, words.subtitle, *words.context, "", *rows, "", *words.notes, ""])


def _put(folder: Path, name: str, body: bytes) -> None:
    """The file is there as a whole or not at all, and once."""
    part = folder / f".{name}.{os.getpid()}.part"
    try:
        with part.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / name)
    finally:
        part.unlink(missing_ok=True)


def _way(wish: ScheduleWish) -> tuple[str, str]:
    if (wish.to is None) == (wish.folder is None):
        came = "none of the two" if wish.to is None else "both"
        raise Failure(WRONG_USE, f"Expected --to or --folder, came {came}.", "Say where the reports are to go.")
    if wish.folder is not None:
        folder = wish.folder.expanduser().resolve()
        if not folder.is_dir():
            raise Failure(WRONG_USE, f"--folder {folder}: expected a directory that is there.", "Make it first.")
        return FOLDER, str(folder)
    try:
        email = checked_email(wish.to or "")
    except AccountError:
        email = None
    if email is None:
        raise Failure(WRONG_USE, f"--to: expected an e-mail address, came {wish.to!r}.", "As in anna@example.org.")
    return EMAIL, email
