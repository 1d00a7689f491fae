"""Reports by schedule: what is due, that each goes once whatever happens, and how a mail server may refuse."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
from aiosmtpd.smtp import AuthResult  # type: ignore[import-untyped]
from hymio_process import hymio, hymio_here, service
from hypothesis import given, settings
from hypothesis import strategies as st
from mailbox_server import Mailbox, certificates
from schema_check import check
from served_world import CITY, Given, World
from sqlalchemy import update

from hymio.common.errors import BROKEN_OFF, WRONG_USE, Failure
from hymio.measures.report_periods import EVERY, MISSED_MAX, day_of_reports, newest_period, periods_due
from hymio.office import report_rounds, schedules
from hymio.office.mail import MailServer, MailTrouble, message_to, parse_mail_server, send_mail
from hymio.office.schedules import Outcome, Report, send_due
from hymio.store.accounts import AccountError, checked_email
from hymio.store.database import Store
from hymio.store.report_schedules import LEASE_S, StoredSchedule, stored_schedules
from hymio.store.schema import report_schedules

HELSINKI = ZoneInfo("Europe/Helsinki")
NOON = datetime(2026, 3, 31, 12, tzinfo=HELSINKI).timestamp()
DAY_S = 86_400.0


# What is due


@pytest.mark.parametrize(
    ("every", "first", "last"),
    [
        ("day", "2026-03-30", "2026-03-30"),
        ("week", "2026-03-23", "2026-03-29"),
        ("month", "2026-02-01", "2026-02-28"),
    ],
)
def test_the_newest_period_is_over(every: str, first: str, last: str) -> None:
    assert newest_period(every, date(2026, 3, 31)) == (date.fromisoformat(first), date.fromisoformat(last))


def test_a_day_is_over_at_six_in_the_morning_of_its_place() -> None:
    six = datetime(2026, 3, 29, 6, tzinfo=HELSINKI).timestamp()  # on the day on which the clocks go forward
    assert [day_of_reports(HELSINKI, six + late).isoformat() for late in (-1, 0)] == ["2026-03-28", "2026-03-29"]


days = st.dates(date(2020, 1, 1), date(2035, 12, 31))


@given(st.sampled_from(EVERY), days, st.integers(0, 400))
def test_every_day_is_told_of_once_and_in_order(every: str, told: date, later: int) -> None:
    told = newest_period(every, told).last
    due = periods_due(every, told, told + timedelta(later))
    edges = [edge for period in due for edge in period]
    assert edges == sorted(edges) and len(due) <= MISSED_MAX
    for one, after in itertools.pairwise(due):
        assert after.first == one.last + timedelta(1)
    if due:
        assert due[-1] == newest_period(every, told + timedelta(later))
        assert len(due) == MISSED_MAX or due[0].first == told + timedelta(1)


# That each goes once


@pytest.fixture
def world(empty_db: Callable[[str], str]) -> Iterator[World]:
    """A city whose places have answers of yesterday and today."""
    made = World(empty_db("schedules"), CITY)
    yield made
    made.store.close()


def add(world: World, *options: str) -> StoredSchedule:
    done = hymio_here("schedule", "add", "--db", world.db, *options, "--json")
    assert done.returncode == 0, done.stderr
    number = check("schedule", done.stdout)["id"]
    return next(one for one in kept(world) if one.id == number)


def kept(world: World) -> list[StoredSchedule]:
    with world.store.reading() as connection:
        return list(stored_schedules(connection))


def told_through(world: World, day: str) -> None:
    """Has everything after that day to be told of."""
    with world.store.writing() as connection:
        connection.execute(update(report_schedules).values(sent_through=day))


class Killed(BaseException):
    """What a process is in the middle of something."""


class Post:
    """Stands for what makes a report and has it go, and does what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gone: list[str] = []
        self.does: Callable[[Report], str | None] = lambda report: None
        monkeypatch.setattr(schedules, "_went", self)

    def __call__(self, store: object, report: Report, mail: object, now_utc: float) -> str | None:
        trouble = self.does(report)
        if trouble is None:
            self.gone.append(report.period.last.isoformat())
        return trouble


MAIL = MailServer("127.0.0.1", 9, False, None, None, "hymio@example.org")


def sent(world: World, at: float = NOON, rest_s: float = 0.0) -> list[Outcome]:
    return list(send_due(world.store, MAIL, rest_s, lambda: at))


def test_what_was_missed_is_made_up_for_in_order_and_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    post = Post(monkeypatch)
    add(world, "--every", "day", "--to", "anna@example.org")
    told_through(world, "2026-03-27")
    assert [one.report.period.last.day for one in sent(world)] == [28, 29, 30]
    assert post.gone == ["2026-03-28", "2026-03-29", "2026-03-30"]
    assert sent(world) == [] and sent(world, NOON + 17 * 3600) == []
    assert len(sent(world, NOON + 18 * 3600)) == 1, "at six of the next morning"
    [one] = kept(world)
    assert (one.sent_through, one.trouble, one.tried_utc, one.sent_utc) == (
        "2026-03-31", None, None, NOON + 18 * 3600,
    )  # fmt: skip


def test_of_two_at_once_one_sends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    post = Post(monkeypatch)
    add(world, "--every", "day", "--to", "anna@example.org")
    told_through(world, "2026-03-29")
    # While one sends the other looks.
    inner: list[list[Outcome]] = []
    post.does = lambda report: inner.append(sent(world, NOON + 5))
    assert len(sent(world)) == 1 and inner == [[]] and post.gone == ["2026-03-30"]
    # Both have seen the same to be due, and the other one is faster.
    told_through(world, "2026-03-29")
    post.does = lambda report: None
    others = iter([NOON + 7])
    due = schedules._due

    def late(*arguments: Any) -> Iterator[Report]:
        for report in due(*arguments):
            inner.extend(sent(world, at) for at in others)
            yield report

    monkeypatch.setattr(schedules, "_due", late)
    assert sent(world) == [] and len(inner[-1]) == 1 and post.gone == ["2026-03-30"] * 2


def test_one_that_was_killed_half_way_is_taken_over_after_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post(monkeypatch)

    def killed(report: Report) -> None:
        raise Killed

    post.does = killed
    add(world, "--every", "week", "--to", "anna@example.org")
    told_through(world, "2026-03-22")
    with pytest.raises(Killed):
        sent(world)
    post.does = lambda report: None
    assert sent(world, NOON + LEASE_S - 1) == [], "whoever began may still be at it"
    assert len(sent(world, NOON + LEASE_S)) == 1 and post.gone == ["2026-03-29"]


def test_a_bug_in_one_report_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    add(world, "--every", "day", "--folder", str(tmp_path), "--place", "north")
    add(world, "--every", "day", "--folder", str(tmp_path), "--place", "south", "--format", "html")
    told_through(world, "2026-03-29")
    made = schedules._made

    def some(store: Store, report: Report, now_utc: float) -> Any:
        if report.place == "north":
            raise IndexError("list index out of range")
        return made(store, report, now_utc)

    monkeypatch.setattr(schedules, "_made", some)
    broken, good = sent(world)
    assert (
        good.trouble is None and broken.trouble is not None and "a bug in hymio: IndexError in some" in broken.trouble
    )


def test_what_failed_rests_and_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    post = Post(monkeypatch)
    post.does = lambda report: "the server is away"
    add(world, "--every", "day", "--to", "anna@example.org")
    told_through(world, "2026-03-28")
    assert [one.trouble for one in sent(world)] == ["the server is away"], "the next one waits for it"
    assert kept(world)[0].trouble == "the server is away"
    assert sent(world, NOON + 299, rest_s=300.0) == []
    post.does = lambda report: None
    assert len(sent(world, NOON + 300, rest_s=300.0)) == 2
    assert kept(world)[0].trouble is None and post.gone == ["2026-03-29", "2026-03-30"]


def test_whatever_happens_each_day_goes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(str(tmp_path / "votes.db"), CITY)
    add(world, "--every", "day", "--to", "anna@example.org")
    post = Post(monkeypatch)

    def does(how: str) -> str | None:
        if how == "killed":
            raise Killed
        return "away" if how == "fails" else None

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["goes", "fails", "killed"])), max_size=12))
    def happens(events: list[tuple[int, str]]) -> None:
        now, post.gone = NOON, []
        with world.store.writing() as connection:
            anew = {"sent_through": "2026-03-30", "tried_utc": None, "trouble": None}
            connection.execute(update(report_schedules).values(anew))
        for hours, how in events:
            now += 3600 * hours
            post.does = lambda report, how=how: does(how)  # type: ignore[misc]
            with contextlib.suppress(Killed):
                sent(world, now)
        post.does = lambda report: None
        now += LEASE_S
        sent(world, now)
        assert sent(world, now + 1) == []
        assert post.gone == sorted(set(post.gone)), "in order, none twice"
        newest = day_of_reports(HELSINKI, now) - timedelta(1)
        assert not post.gone or post.gone[-1] == newest.isoformat()
        assert len(post.gone) == (newest - date(2026, 3, 30)).days or len(post.gone) >= MISSED_MAX

    happens()
    world.store.close()


# By e-mail


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    made = Mailbox()
    yield made
    made.controller.stop()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[World]:
    """The city in SQLite: mail knows nothing of databases. Its clock is the real one."""
    made = World(str(tmp_path / "votes.db"), CITY)
    yesterday = time.time() - DAY_S
    made.tell("till-2", *(Given(yesterday + number, 1 + number % 4) for number in range(40)))
    yield made
    made.store.close()


def a_month_ago() -> str:
    return (date.today() - timedelta(70)).isoformat()


def yesterday_is_due(world: World) -> None:
    today = day_of_reports(HELSINKI, time.time())
    told_through(world, (today - timedelta(2)).isoformat())


@pytest.mark.parametrize("kind", ["pdf", "html"])
def test_a_report_by_mail(city: World, mailbox: Mailbox, kind: str) -> None:
    options = ("--every", "day", "--place", "north", "--language", "fi", "--format", kind)
    add(city, *options, "--to", "anna@example.org")
    yesterday_is_due(city)
    run = ("schedule", "run", "--db", city.db, "--smtp", mailbox.url, "--mail-from", "reports@city.example", "--json")
    done = hymio_here(*run)
    assert done.returncode == 0, done.stderr
    said = check("schedule-run", done.stdout)
    assert [one["recipient"] for one in said["sent"]] == ["anna@example.org"]
    [message] = mailbox.taken
    assert message["From"] == "hymio <reports@city.example>" and message["Auto-Submitted"] == "auto-generated"
    assert message["Subject"] == "North: Happy Index paikoittain"
    body = message.get_body(("plain",))
    assert body is not None and "North two: 50,0 ± " in body.get_content()
    assert "Luottamusväli" not in body.get_content() and "Asiakkailta kysyttiin" in body.get_content()
    [report] = message.iter_attachments()
    name = f"north-day-{said['sent'][0]['to']}-fi.{kind}"
    assert report.get_filename() == name
    if kind == "pdf":
        with pypdfium2.PdfDocument(report.get_content()) as document:
            assert "Happy Index paikoittain" in document[0].get_textpage().get_text_bounded()
    else:
        assert '<html lang="fi">' in report.get_content()
    again = hymio_here(*run)
    assert check("schedule-run", again.stdout)["sent"] == [] and len(mailbox.taken) == 1


def test_one_that_is_killed_while_it_speaks_with_the_server_sends_once(city: World, mailbox: Mailbox) -> None:
    add(city, "--every", "day", "--format", "html", "--to", "anna@example.org")
    yesterday_is_due(city)
    command = [sys.executable, "-m", "hymio", "schedule", "run", "--db", city.db, "--smtp", mailbox.url]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def kill() -> str:
        os.kill(running.pid, signal.SIGKILL)
        return "451 Later"

    mailbox.on_data = kill
    assert running.wait(60) == -signal.SIGKILL and mailbox.taken == []
    mailbox.on_data = lambda: None
    server = parse_mail_server(mailbox.url)
    assert list(send_due(city.store, server, 0.0)) == []
    assert len(list(send_due(city.store, server, 0.0, lambda: time.time() + LEASE_S))) == 1
    assert len(mailbox.taken) == 1


def test_a_server_that_says_no_good_bye_has_taken_it(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: object) -> str:
        return "421 Away"

    monkeypatch.setattr(Mailbox, "handle_QUIT", gone, raising=False)
    server = parse_mail_server(mailbox.url)
    send_mail(server, message_to(server, "anna@example.org", "A", "b", "c"))
    assert mailbox.taken[0]["Message-ID"].startswith("<c@")


@pytest.mark.parametrize(
    ("recipient", "on_data", "said"),
    [
        ("nobody@example.org", None, "refuses the recipient: 550 5.1.1 No such mailbox"),
        ("anna@example.org", "452 4.3.1 The disk is full", "refuses: 452 4.3.1 The disk is full"),
    ],
)
def test_what_a_server_refuses_is_said_and_shown(
    city: World, mailbox: Mailbox, recipient: str, on_data: str | None, said: str
) -> None:
    add(city, "--every", "day", "--format", "html", "--to", recipient)
    yesterday_is_due(city)
    mailbox.on_data = lambda: on_data
    done = hymio_here("schedule", "run", "--db", city.db, "--smtp", mailbox.url)
    assert done.returncode == BROKEN_OFF and f"smtp://127.0.0.1:{mailbox.port} {said}" in done.stderr
    listed = check("schedule-list", hymio_here("schedule", "list", "--db", city.db, "--json").stdout)
    assert said in listed["schedules"][0]["trouble"]
    assert said[:20] in " ".join(hymio_here("schedule", "list", "--db", city.db).stdout.split())


def test_without_a_mail_server_mail_waits_and_folders_do_not(city: World, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    add(city, "--every", "day", "--to", "anna@example.org")
    add(city, "--every", "day", "--format", "html", "--folder", str(folder), "--language", "sv")
    yesterday_is_due(city)
    done = hymio_here("schedule", "run", "--db", city.db, "--json")
    said = check("schedule-run", done.stdout)
    assert done.returncode == BROKEN_OFF and "no mail server is given" in done.stderr
    assert (len(said["sent"]), len(said["waiting"])) == (1, 1)
    [file] = folder.iterdir()
    assert file.name == f"city-day-{said['sent'][0]['to']}-sv.html"
    assert '<html lang="sv">' in file.read_text(encoding="utf-8")


def test_a_folder_that_is_gone_is_a_trouble(city: World, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    add(city, "--every", "month", "--format", "html", "--folder", str(folder))
    told_through(city, a_month_ago())
    folder.rmdir()
    done = hymio_here("schedule", "run", "--db", city.db)
    assert done.returncode == BROKEN_OFF and "No such file or directory" in done.stderr


def test_tls_and_the_password(tmp_path: Path) -> None:
    ca, context = certificates(tmp_path / "ours")
    other, _ = certificates(tmp_path / "theirs")

    def judge(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        is_right = (data.login, data.password) == (b"anna@example.org", b"correct horse")
        return AuthResult(success=is_right, handled=False)

    mailbox = Mailbox(context, authenticator=judge, auth_required=True)
    try:
        url = mailbox.url.replace("//", "//anna%40example.org:correct%20horse@")
        server = parse_mail_server(url, ca=ca)
        assert server.sender == "anna@example.org" and "horse" not in f"{server!r} {server}"
        send_mail(server, message_to(server, "anna@example.org", "A", "b", "c"))
        assert len(mailbox.taken) == 1
        wrong: list[tuple[MailServer, str]] = [
            (replace(server, ca=other), "is not whom we trust: "),
            (replace(server, password="wrong horse"), "refuses: 535"),
            (replace(server, ca=None), "can't do what we need: SMTP AUTH"),  # TLS was not asked for
            (replace(server, tls=True), "can't be reached: "),
        ]
        for one, said in wrong:
            with pytest.raises(MailTrouble, match=said) as caught:
                send_mail(one, message_to(one, "anna@example.org", "A", "b", "d"))
            assert "horse" not in str(caught.value)
        assert len(mailbox.taken) == 1
    finally:
        mailbox.controller.stop()


def test_a_server_elsewhere_is_never_spoken_to_in_the_clear(mailbox: Mailbox) -> None:
    assert parse_mail_server("smtp://mail.example").wants_starttls
    assert not parse_mail_server("smtps://mail.example").wants_starttls
    assert (parse_mail_server("smtp://mail.example").port, parse_mail_server("smtps://mail.example").port) == (587, 465)
    server = parse_mail_server(mailbox.url)
    assert not server.wants_starttls

    class Elsewhere(MailServer):
        wants_starttls = True  # type: ignore[assignment]

    elsewhere = Elsewhere("127.0.0.1", mailbox.port, False, None, None, "hymio@example.org")
    with pytest.raises(MailTrouble, match="STARTTLS"):
        send_mail(elsewhere, message_to(server, "anna@example.org", "A", "b", "c"))
    assert mailbox.taken == []


@given(st.text('ab@@..,;:<>()[]"\\ \u00e4=?-_1', min_size=1, max_size=10))
def test_an_address_is_one_and_no_more(typed: str) -> None:
    try:
        address = checked_email(typed)
    except AccountError:
        return
    if address is not None:
        message = message_to(MAIL, address, "A", "b", "c")
        assert [one.addr_spec for one in message["To"].addresses] == [address] and message.as_bytes()


def test_a_server_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hymio.office.mail.WHOLE_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        mail = parse_mail_server(f"smtp://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(MailTrouble, match="does not come to an end"):
            send_mail(mail, message_to(mail, "anna@example.org", "A", "b", "c"))


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("http://mail.example", None), ("smtp://", None), ("smtp://a:0", None), ("smtp://a/b", None),
        ("smtp://a", "x"), ("smtp://a", "a,b@example.org"),
    ],
)  # fmt: skip
def test_what_is_no_mail_server(url: str, sender: str | None) -> None:
    with pytest.raises(Failure) as caught:
        parse_mail_server(url, sender)
    assert caught.value.exit_status == WRONG_USE


# The commands


def test_the_commands(city: World, tmp_path: Path) -> None:
    one = add(city, "--every", "week", "--place", "north", "--to", "anna@example.org", "--language", "sv")
    assert one.sent_through == newest_period("week", day_of_reports(HELSINKI, time.time())).last.isoformat()
    assert hymio_here("schedule", "run", "--db", city.db).stderr == "No report is due.\n"
    shown = hymio_here("schedule", "list", "--db", city.db)
    assert "north" in shown.stdout and "never" in shown.stdout and "pdf sv" in shown.stdout
    ended = hymio_here("schedule", "remove", "--db", city.db, str(one.id), "--json")
    check("schedule-remove", ended.stdout)
    told_through(city, a_month_ago())
    assert hymio_here("schedule", "run", "--db", city.db).stderr == "No report is due.\n"
    actions = [line.split()[3] for line in hymio_here("audit", "--db", city.db).stdout.splitlines()]
    assert actions == ["schedule.remove", "schedule.add"]


WRONG = (
    (("add", "--every", "week"), "Expected --to or --folder, came none of the two."),
    (("add", "--every", "week", "--to", "a@b", "--folder", "."), "Expected --to or --folder, came both."),
    (("add", "--every", "week", "--to", "anna"), "--to: expected an e-mail address, came 'anna'."),
    (("add", "--every", "week", "--to", "a,b@c"), "--to: expected an e-mail address, came 'a,b@c'."),
    (("add", "--every", "week", "--to", "a@b\nBcc: c@d"), "--to: expected an e-mail address"),
    (("add", "--every", "week", "--folder", "/nowhere/at/all"), "--folder /nowhere/at/all: expected a directory"),
    (("add", "--every", "year", "--to", "a@b"), "'year' is not one of 'day', 'week', 'month'"),
    (("add", "--every", "day", "--to", "a@b", "--place", "nort"), "--place: expected the key of a group"),
    (("remove", "99"), "There is no schedule 99."),
)


@pytest.mark.parametrize(("options", "said"), WRONG, ids=[" ".join(one[0]).replace("\n", " ") for one in WRONG])
def test_what_can_t_be(city: World, options: tuple[str, ...], said: str) -> None:
    done = hymio_here("schedule", *options, "--db", city.db)
    assert done.returncode == WRONG_USE and said in done.stderr and kept(city) == []


def test_the_server_sends_them_as_well_and_says_why_not(city: World, mailbox: Mailbox, tmp_path: Path) -> None:
    add(city, "--every", "day", "--format", "html", "--to", "anna@example.org")
    add(city, "--every", "day", "--format", "html", "--to", "nobody@example.org")
    yesterday_is_due(city)
    secret = tmp_path / "smtp"
    secret.write_text(mailbox.url + "\n")
    options = ("--db", city.db, "--listen", "127.0.0.1:0", "--smtp", f"@{secret}", "--json")
    with service("serve", *options) as running:
        running.wait_for("ready")
        deadline = time.monotonic() + 60
        while not any("nobody@example.org" in line for line in running.stderr):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert running.stop() == 0
    assert [message["To"] for message in mailbox.taken] == ["anna@example.org"]
    refused = hymio("serve", "--db", city.db, "--smtp", "smtp://", "--listen", "127.0.0.1:0")
    assert refused.returncode == WRONG_USE and "is not the address of a mail server" in refused.stderr


def test_a_round_asks_the_database_alone_while_nothing_is_due(city: World, monkeypatch: pytest.MonkeyPatch) -> None:
    add(city, "--every", "day", "--to", "anna@example.org")
    monkeypatch.setattr(report_rounds.ReportRounds, "_send", lambda self: pytest.fail("nothing is due"))
    rounds = report_rounds.ReportRounds(city.store, city.db, report_rounds.MailOptions())
    monkeypatch.setattr(rounds._is_over, "wait", lambda _: rounds._is_over.set())
    rounds.run()
    told_through(city, a_month_ago())
    assert not schedules.is_any_due(city.store, False, time.time()), "by mail, and there is no mail server"
    assert schedules.is_any_due(city.store, True, time.time())
