"""Invitations: lists, who is left out, that each message goes once, what it says, and who cannot be reached."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio_here, service
from hypothesis import given, settings
from hypothesis import strategies as st
from mailbox_server import Mailbox, certificates
from schema_check import check
from served_world import CITY, World
from sqlalchemy import select, update

from hymio.common.errors import BROKEN_OFF, WRONG_USE, Failure
from hymio.locale.language import language_of
from hymio.office import invite_send
from hymio.office.bounces import messages_of, report_of
from hymio.office.invite import is_address
from hymio.office.invite_list import EXTERNAL_MAX, ListRules, parse_list
from hymio.office.invite_send import InviteWays, NobodyThere, send_invitations
from hymio.office.invite_texts import InviteWords, plain_message, read_template
from hymio.office.mail import MailServer, MailTrouble, parse_mail_server
from hymio.site.read import FaultyFiles
from hymio.store.invitations import (
    LEASE_S,
    TRIES_MAX,
    Due,
    Invitation,
    Links,
    claim,
    due,
    invitation_of,
    take_answer,
    unsubscribe,
)
from hymio.store.privacy import erase
from hymio.store.schema import invitations, unsubscribed

NOW = 1_790_000_000.0
DAY_S = 86_400.0
URL = "http://127.0.0.1:8080"
RULES = ListRules(("n-two", "n-one"), is_address, needs_place=False)

# The list

words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
labels = words.filter(
    lambda word: word.casefold().replace("e-mail", "email") not in ("email", "address", "name", "language", "place")
)
people = st.lists(
    st.fixed_dictionaries({
        "local": st.sampled_from(["anna", "b.o.b", "eve+1", "x_y"]),
        "name": st.none() | words,
        "language": st.sampled_from([None, "fi", "sv", "en_GB", "FI"]),
        "place": st.sampled_from([None, "n-two"]),
        "value": st.none() | words,
    }),
    max_size=6,
)  # fmt: skip


def plain(text: str) -> bool:
    """Whether a spreadsheet keeps it as it is: an apostrophe before a sign says that it is no formula."""
    return text[:1] not in ("'", "\ufeff")


@settings(max_examples=30)
@given(people, labels, st.sampled_from([",", ";", "\t"]), st.booleans(), st.booleans())
def test_a_list_is_read_as_it_was_written(
    rows: list[dict[str, Any]], label: str, separator: str, told: bool, quoted: bool
) -> None:
    written = io.StringIO()
    if told:
        written.write(f"sep={separator}\n")
    writer = csv.writer(written, delimiter=separator, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    rows = [row for row in rows if all(plain(row[key] or "x") for key in ("name", "value"))]
    if not plain(label) or (not told and any(sign in label for sign in ",;\t")):
        return
    writer.writerow(["E-Mail", "name", "Language", "place", label])
    for row in rows:
        writer.writerow([f"{row['local']}@example.org", *(row[key] for key in ("name", "language", "place", "value"))])
    found = parse_list(written.getvalue(), RULES)
    assert [one.address for one in found] == [f"{row['local']}@example.org" for row in rows]
    assert [(one.name, one.place) for one in found] == [(row["name"], row["place"]) for row in rows]
    assert [one.language for one in found] == [(row["language"] or "").lower()[:2] or None for row in rows]
    assert [dict(one.external) for one in found] == [{label: row["value"]} if row["value"] else {} for row in rows]


def faults(text: str, needs_place: bool = False) -> list[tuple[int, str]]:
    with pytest.raises(FaultyFiles) as caught:
        parse_list(text, ListRules(RULES.places, is_address, needs_place))
    return [(fault.line, fault.key) for fault in caught.value.faults]


def test_all_that_is_wrong_is_told_at_once_with_line_and_column() -> None:
    text = (
        "email,name,language,place,order\n"
        "anna@example.org,Anna,fi,n-two,1\n"
        "anna,Anna,tlh,nowhere,1\n"
        ",,,,7\n"
        'bob@example.org,"B\no\nb",,,"' + "x" * 300 + '"\n'
        "eve@example.org,Eve,,,1,2\n"
    )
    assert faults(text) == [
        (3, "email"), (3, "language"), (3, "place"), (4, "email"), (5, "name"), (5, "order"), (8, "the row"),
    ]  # fmt: skip
    assert faults("email\nanna@example.org\nbob@example.org\n", needs_place=True) == [(2, "place"), (3, "place")]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("name,order", "email"),
        ("email,address", "email"),
        ("email,order,order", "order"),
        ("email," + ",".join(f"c{number}" for number in range(EXTERNAL_MAX + 1)), f"c{EXTERNAL_MAX}"),
    ],
)
def test_a_head_that_can_t_be_is_told_alone(head: str, said: str) -> None:
    assert faults(f"{head}\nrubbish\n") == [(1, said)]


def test_what_customers_typed_is_no_url_that_we_call() -> None:
    """A CRM's column of e-mail addresses has what people have typed; who lists URLs names the column otherwise."""
    with pytest.raises(FaultyFiles) as caught:
        parse_list("email\njson://127.0.0.1/\n", RULES)
    assert "URLs in a column named address" in str(caught.value) and "127.0.0.1" not in str(caught.value)
    [person] = parse_list("address\njson://crm.example/\n", RULES)
    assert person.address == "json://crm.example/"


def test_no_csv_and_a_url_is_not_shown() -> None:
    assert faults('email\n"anna\n') == [(2, "the row")]
    with pytest.raises(FaultyFiles) as caught:
        parse_list("address\nnosuchthing://user:hunter2@host\n", RULES)
    assert "hunter2" not in str(caught.value) and "Apprise" in str(caught.value)


# Who is asked


@pytest.fixture
def world(empty_db: Callable[[str], str]) -> Iterator[World]:
    """The city, with a 0-10 question at one point."""
    made = World(empty_db("invitations"), CITY)
    yield made
    made.store.close()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[World]:
    """The same in SQLite: mail knows nothing of databases."""
    made = World(str(tmp_path / "votes.db"), CITY)
    yield made
    made.store.close()


LIST = "email;name;language;order\nanna@example.org;Anna;fi;1001\nbob@example.org;;;1002\nANNA@example.org;;;1003\n"


def invited(world: World, text: str, *options: str, survey: str = "phone") -> dict[str, Any]:
    file = Path(world.db).parent / "list.csv" if "://" not in world.db else Path("/tmp") / f"list-{os.getpid()}.csv"
    file.write_text(text)
    try:
        done = hymio_here(
            "invite", "--csv", str(file), "--survey", survey, "--db", world.db, "--url", URL, *options, "--json"
        )
    finally:
        file.unlink()
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = check("invite", done.stdout)
    return said


def rows(world: World) -> list[Any]:
    with world.store.reading() as connection:
        return list(connection.execute(select(invitations).order_by(invitations.c.id)))


def row(world: World, address: str = "bob@example.org") -> Any:
    return next(one for one in rows(world) if one.address == address)


def secret(world: World, uid: str) -> str:
    with world.store.reading() as connection:
        return Links.of(connection).secret(uid)


def opened(world: World, address: str = "bob@example.org") -> Invitation:
    with world.store.reading() as connection:
        found = invitation_of(connection, Links.of(connection).secret(row(world, address).uid))
    assert found is not None
    return found


def test_a_list_invites_nobody_twice(world: World) -> None:
    dry = invited(world, LIST, "--dry-run")
    assert dry["dry_run"] and rows(world) == []
    said = invited(world, LIST)
    assert (said["listed"], said["invited"], said["left_out"]["twice"]) == (3, 2, 1) and dry["invited"] == 2
    reordered = "\n".join([LIST.splitlines()[0], *reversed(LIST.splitlines()[1:])])
    again = invited(world, reordered, "--again-after", "0s")
    assert (again["invited"], again["left_out"]["again"]) == (0, 2) and again["batch"] == said["batch"]
    another = invited(world, LIST.replace("1002", "1007"))
    assert (another["invited"], another["left_out"]["recent"]) == (0, 2)
    anna, bob = rows(world)
    assert (anna.name, anna.locale, anna.external) == ("Anna", "fi", '{"order": "1001"}')
    assert (bob.name, bob.locale, bob.via) == (None, "en", "email")
    assert secret(world, anna.uid) not in str(rows(world)), "the database alone opens no link"


def test_who_wants_no_more_or_cannot_be_reached_is_left_out(world: World) -> None:
    invited(world, LIST)
    with world.store.writing() as connection:
        unsubscribe(connection, opened(world), NOW)
        unsubscribe(connection, opened(world), NOW + 1)
        anna = invitations.c.address == "anna@example.org"
        connection.execute(update(invitations).where(anna).values(bounced_utc=NOW))
    said = invited(world, LIST.replace("100", "200"), "--again-after", "0s")
    assert (said["invited"], said["left_out"]["unsubscribed"], said["left_out"]["bounced"]) == (0, 1, 1)
    assert sent(world, time.time()) == ["invitation anna@example.org"], "of before, one was still to go"


WRONG = (
    (("--survey", "pulse"), "--survey: expected the key of a survey of customers of city, came 'pulse'."),
    (("--place", "n-one"), "--place: expected the key of an experience point at which the survey runs, came 'n-one'."),
    (("--url", "http://feedback.example.org"), "--url: expected the https:// address"),
    (("--expires", "0s"), "--expires: expected a time of 1s or more"),
    (("--remind-after", "soon"), "--remind-after: expected a duration"),
    (("--csv", "/nowhere.csv"), "/nowhere.csv: No such file"),
)


@pytest.mark.parametrize(("options", "said"), WRONG, ids=[one[0][0] + one[0][1] for one in WRONG])
def test_what_can_t_be(city: World, tmp_path: Path, options: tuple[str, str], said: str) -> None:
    (tmp_path / "list.csv").write_text(LIST)
    given = {"--csv": str(tmp_path / "list.csv"), "--survey": "phone", "--db": city.db, "--url": URL}
    given |= {options[0]: options[1]}
    done = hymio_here("invite", *(part for pair in given.items() for part in pair))
    assert done.returncode == WRONG_USE and said in done.stderr and rows(city) == []


def test_nothing_is_half_applied_and_an_option_that_lacks_is_named(city: World, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(LIST + "nobody;;;\nanna@example;;xx;\n")
    done = hymio_here(
        "invite", "--csv", str(tmp_path / "list.csv"), "--survey", "phone", "--db", city.db, "--url", URL, "--json"
    )
    assert done.returncode == WRONG_USE and rows(city) == []
    error = check("error", done.stderr.splitlines()[-1])["error"]
    assert [(one["line"], one["key"]) for one in error["faults"]] == [(5, "email"), (6, "email"), (6, "language")]
    assert "--survey: expected a value" in hymio_here("invite", "--csv", "x", "--db", city.db).stderr


# That each message goes once


class Killed(BaseException):
    """What a process is in the middle of something."""


class Post:
    """Stands for all ways to people, and does what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gone: list[Due] = []
        self.does: Callable[[Due], None] = lambda message: None
        monkeypatch.setattr(invite_send, "_give", self)

    def __call__(self, ways: InviteWays, message: Due, words: InviteWords) -> None:
        self.does(message)
        self.gone.append(message)


MAIL = MailServer("127.0.0.1", 9, False, None, None, "hymio@example.org")


def go(world: World, now_utc: float) -> None:
    list(send_invitations(world.store, InviteWays(MAIL), lambda _: None, now_utc=lambda: now_utc))


def sent(world: World, now_utc: float) -> list[str]:
    """What goes then, by a post that takes everything."""
    with pytest.MonkeyPatch.context() as patch:
        post = Post(patch)
        go(world, now_utc)
    return [f"{one.message_name.partition('.')[0]} {one.address}" for one in post.gone]


def test_of_two_that_have_seen_the_same_one_sends(world: World) -> None:
    invited(world, LIST)
    now = time.time() + 1
    with world.store.reading() as connection:
        seen, other = due(connection, now, 1, ["email"]), due(connection, now, 1, ["email"])
    with world.store.writing() as connection:
        assert claim(connection, seen[0], now) == now + LEASE_S
    with world.store.writing() as connection:
        assert claim(connection, other[0], now) is None
    assert sent(world, now) == ["invitation bob@example.org"]


def test_one_reminder_and_only_to_who_has_not_answered(world: World) -> None:
    invited(world, LIST, "--remind-after", "5d")
    now = time.time() + 1
    assert sent(world, now) == ["invitation anna@example.org", "invitation bob@example.org"]
    assert sent(world, now + 5 * DAY_S - 1) == []
    with world.store.writing() as connection:
        assert take_answer(connection, opened(world, "anna@example.org"), now + DAY_S)
    assert sent(world, now + 5 * DAY_S) == ["reminder bob@example.org"]
    assert sent(world, now + 29 * DAY_S) == [] and row(world).reminded_utc == now + 5 * DAY_S


def test_what_is_over_is_not_sent(city: World) -> None:
    invited(city, LIST, "--remind-after", "5d", "--expires", "4d")
    now = time.time() + 1
    with city.store.writing() as connection:
        unsubscribe(connection, opened(city), now)
    assert sent(city, now) == ["invitation anna@example.org"]
    assert row(city, "anna@example.org").due_utc is None, "a reminder would come when the link is no good any more"
    invited(city, LIST.replace("bob", "eve"), "--again-after", "0s", "--expires", "1d")
    assert sent(city, now + 2 * DAY_S) == []


def test_who_wants_no_more_gets_none_of_those_that_were_read_before(
    city: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred are read at a time, and it takes more than an hour until the last of them goes."""
    invited(city, LIST)
    now, post = time.time() + 1, Post(monkeypatch)

    def meanwhile(message: Due) -> None:
        with city.store.writing() as connection:
            unsubscribe(connection, opened(city), now)

    post.does = meanwhile
    go(city, now)
    assert [one.address for one in post.gone] == ["anna@example.org"] and row(city).sent_utc is None


def test_one_answer_for_each_link(city: World) -> None:
    invited(city, LIST, "--expires", "10d")
    bob, now = opened(city), time.time()
    assert dict(bob.external or {}) == {"order": "1002"}
    with city.store.writing() as connection:
        assert take_answer(connection, bob, now) and not take_answer(connection, bob, now + 1)
        assert not take_answer(connection, opened(city, "anna@example.org"), now + 11 * DAY_S), "too late"
    with city.store.reading() as connection:
        assert invitation_of(connection, "x" * 24) is None
    assert opened(city).answered_utc == now


def test_what_failed_is_tried_again_ever_later_and_then_given_up(city: World, monkeypatch: pytest.MonkeyPatch) -> None:
    invited(city, LIST)
    post, now, times = Post(monkeypatch), time.time() + 1, []

    def fails(message: Due) -> None:
        if message.address.startswith("bob"):
            times.append(now)
            raise MailTrouble("451 Later")

    post.does = fails
    while row(city).due_utc is not None:
        now = max(now, row(city).due_utc)
        go(city, now)
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) == TRIES_MAX and pauses == pytest.approx([300 * 4**number for number in range(TRIES_MAX - 1)])
    assert (row(city).trouble, row(city).sent_utc, len(post.gone)) == ("451 Later", None, 1)
    [batch] = check("invite-list", hymio_here("invite", "list", "--db", city.db, "--json").stdout)["batches"]
    assert (batch["invited"], batch["sent"], batch["failed"], batch["due"]) == (2, 1, 1, 0)


def test_when_nobody_takes_mail_nothing_is_lost_or_counted(city: World, monkeypatch: pytest.MonkeyPatch) -> None:
    invited(city, LIST)
    post, now = Post(monkeypatch), time.time() + 1

    def away(message: Due) -> None:
        raise MailTrouble("refuses: 421", is_of_server=True)

    post.does = away
    for _ in range(TRIES_MAX + 3):
        with pytest.raises(NobodyThere, match="421"):
            go(city, now)
        now += 300
    assert [one.tries for one in rows(city)] == [0, 0]
    assert len(sent(city, now + 300)) == 2


def test_no_more_in_a_minute_than_is_wished(city: World, monkeypatch: pytest.MonkeyPatch) -> None:
    invited(city, LIST)
    Post(monkeypatch)
    pauses: list[float] = []
    list(send_invitations(city.store, InviteWays(MAIL), pauses.append, 30, lambda: time.time() + 1))
    assert pauses == [2.0, 2.0]
    assert list(send_invitations(city.store, InviteWays(), lambda _: None)) == []


def test_whatever_happens_nobody_is_mailed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(str(tmp_path / "votes.db"), CITY)
    invited(world, LIST, "--remind-after", "1d", "--expires", "300d")
    post = Post(monkeypatch)
    began = row(world).created_utc
    anew = {
        "due_utc": began, "tries": 0, "sent_utc": None, "reminded_utc": None, "answered_utc": None,
        "bounced_utc": None, "trouble": None,
    }  # fmt: skip
    steps = st.sampled_from(["goes", "fails", "killed", "killed late", "away", "answers", "stops", "bounces"])

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 2 * 86_400), steps), max_size=12))
    def happens(events: list[tuple[int, str]]) -> None:
        now, post.gone, accepted = began, [], []
        with world.store.writing() as connection:
            connection.execute(update(invitations).values(anew))
            connection.execute(unsubscribed.delete())
        may_go = True

        def does(message: Due, how: str) -> None:
            assert may_go or not message.address.startswith("bob")
            if how == "killed":
                raise Killed
            if how in ("fails", "away", "bounces"):
                raise MailTrouble(how, how == "bounces", how == "away")
            accepted.append(message)
            if how == "killed late":
                raise Killed

        for seconds, how in [*events, (int(LEASE_S), "goes"), (2 * 86_400, "goes"), (2 * 86_400, "goes")]:
            now += seconds
            bob = opened(world)
            if how in ("answers", "stops"):
                may_go = False
                with world.store.writing() as connection:
                    take_answer(connection, bob, now) if how == "answers" else unsubscribe(connection, bob, now)
                continue
            post.does = lambda message, how=how: does(message, how)  # type: ignore[misc]
            with contextlib.suppress(Killed, NobodyThere):
                go(world, now)
        late = sum(1 for _, how in events if how == "killed late")
        names = [one.message_name for one in accepted]
        assert len(names) - len(set(names)) <= late, "twice only if one was killed after the other side had taken it"
        assert all(names.count(name) == 1 for name in names) or late
        for one in rows(world):
            assert names.count(f"reminder.{one.uid}") == 0 or names.count(f"invitation.{one.uid}") >= 1

    happens()
    world.store.close()


# By e-mail


class Letters(Mailbox):
    """Keeps what came over the wire, too."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self.raw: list[bytes] = []
        super().__init__(*arguments, **settings)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.raw.append(envelope.content)
        return await super().handle_DATA(server, session, envelope)


@pytest.fixture
def mailbox() -> Iterator[Letters]:
    made = Letters()
    yield made
    made.controller.stop()


def run(world: World, mailbox: Mailbox, *options: str) -> subprocess.CompletedProcess[str]:
    return hymio_here(
        "invite", "send", "--db", world.db, "--smtp", mailbox.url, "--mail-from", "survey@city.example", "--rate",
        "100000", *options,
    )  # fmt: skip


def test_what_an_invitation_says(city: World, mailbox: Letters) -> None:
    invited(city, LIST, "--remind-after", "5d")
    done = run(city, mailbox, "--json")
    assert done.returncode == 0, done.stderr
    assert check("invite-send", done.stdout)["sent"] == 2
    message = mailbox.taken[0]
    anna = row(city, "anna@example.org")
    link = f"{URL}/i/{secret(city, anna.uid)}"
    assert message["From"] == "City <survey@city.example>" and message["To"] == "anna@example.org"
    assert message["Message-ID"] == f"<invitation.{anna.uid}@city.example>"
    assert message["Subject"] == "Miten meni? City"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    stop, link = f"{link}/stop?lang=fi", f"{link}?lang=fi"
    assert f"\r\nList-Unsubscribe: <{stop}>\r\n".encode() in mailbox.raw[0], "whole, however long it is"
    plain, page = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None and page is not None
    text = plain.get_content().replace("\r\n", "\n")
    assert text.startswith("Hei Anna,") and f"{link}\n" in text and f"{stop}\n" in text and "How was your day?" in text
    assert f'<a href="{link}">' in page.get_content() and '<html lang="fi">' in page.get_content()
    assert "<img" not in page.get_content() and "<script" not in page.get_content()
    assert run(city, mailbox).stdout == "0 sent, 0 reminded, 0 failed.\n" and len(mailbox.taken) == 2


def test_tls(city: World, tmp_path: Path) -> None:
    ca, context = certificates(tmp_path / "pki")
    mailbox = Letters(context)
    try:
        invited(city, LIST)
        assert run(city, mailbox).returncode == BROKEN_OFF and mailbox.taken == [], "it wants TLS, and was not asked"
        with city.store.writing() as connection:
            connection.execute(update(invitations).values(due_utc=NOW))
        assert run(city, mailbox, "--smtp-ca", str(ca)).returncode == 0
        assert len(mailbox.taken) == 2
    finally:
        mailbox.controller.stop()


def test_a_refused_recipient_is_a_bounce_and_stops_nobody_else(city: World, mailbox: Letters) -> None:
    invited(city, LIST.replace("anna@", "nobody@").replace("ANNA@", "nobody@"))
    done = run(city, mailbox, "--json")
    said = check("invite-send", done.stdout)
    assert done.returncode == BROKEN_OFF and (said["sent"], said["failed"]) == (1, 1)
    refused = row(city, "nobody@example.org")
    assert refused.bounced_utc is not None and "550 5.1.1 No such mailbox" in refused.trouble
    assert run(city, mailbox).returncode == 0


def test_killed_after_the_server_took_it_the_same_message_comes_again(city: World, mailbox: Letters) -> None:
    invited(city, LIST.replace("\nANNA@example.org;;;1003", "").replace("\nbob@example.org;;;1002", ""))
    command = [sys.executable, "-m", "hymio", "invite", "send", "--db", city.db, "--smtp", mailbox.url]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def kill() -> None:
        os.kill(running.pid, signal.SIGKILL)

    mailbox.on_data = kill
    assert running.wait(60) == -signal.SIGKILL and len(mailbox.raw) == 1
    mailbox.on_data = lambda: None
    ways = InviteWays(parse_mail_server(mailbox.url))
    assert list(send_invitations(city.store, ways, lambda _: None)) == []
    assert len(list(send_invitations(city.store, ways, lambda _: None, now_utc=lambda: time.time() + LEASE_S))) == 1
    names = {line for raw in mailbox.raw for line in raw.split(b"\r\n") if line.startswith(b"Message-ID:")}
    assert len(mailbox.raw) == 2 and len(names) == 1


def test_the_server_sends_them_as_well(city: World, mailbox: Letters) -> None:
    invited(city, LIST)
    with service("serve", "--db", city.db, "--listen", "127.0.0.1:0", "--smtp", mailbox.url, "--json") as running:
        running.wait_for("ready")
        deadline = time.monotonic() + 60
        while not mailbox.taken:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert running.stop() == 0


def test_by_whatever_apprise_knows(city: World, tmp_path: Path) -> None:
    apprise = pytest.importorskip("apprise")
    told: list[str] = []

    @apprise.decorators.notify(on="hymiotest")  # type: ignore[untyped-decorator]
    def take(body: str, title: str, *_: Any, **__: Any) -> bool:
        told.append(body)
        return title != ""

    invited(city, "address,name\nhymiotest://phone,Anna\n")
    assert hymio_here("invite", "send", "--db", city.db).returncode == 0
    [one] = rows(city)
    assert f"{URL}/i/{secret(city, one.uid)}" in told[0] and (one.via, one.sent_utc is not None) == ("link", True)
    erased = hymio_here("privacy", "erase", "--db", city.db, "--person", "hymiotest://phone", "--json")
    assert check("privacy-erase", erased.stdout)["erased"]["invitations"] == 1 and rows(city)[0].address is None
    invited(city, LIST)
    waits = hymio_here("invite", "send", "--db", city.db)
    assert waits.returncode == BROKEN_OFF and "There is no way for some" in waits.stderr


# What it says


def a_template(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "thanks.toml"
    path.write_text(text, encoding="utf-8")
    return path


WORDS = InviteWords(None, "Ward {name}", "City", "How was it?", "https://x/i/s", "https://x/i/s/stop", False)


def test_a_template_says_it_in_its_own_words(tmp_path: Path) -> None:
    path = a_template(
        tmp_path,
        '[en]\nsubject = "{organisation} asks"\ntext = """\nDear {name},\n{question} at {place}: {link}\n"""\n'
        'reminder_subject = "Once more"\n',
    )
    subject, text = plain_message(WORDS, language_of("en"), read_template(path))
    assert subject == "City asks" and text.startswith("Dear,\nHow was it? at Ward {name}: https://x/i/s\n")
    assert "https://x/i/s/stop" in text
    assert plain_message(WORDS, language_of("fi"), read_template(path))[0] == "Miten meni? City", "it has no Finnish"


def test_all_that_is_wrong_with_a_template_is_told(tmp_path: Path) -> None:
    path = a_template(tmp_path, '[en]\ntext = "no way in {nmae}"\nfooter = "x"\n[xx]\nsubject = "x"\n')
    with pytest.raises(Failure) as caught:
        read_template(path)
    for said in ("en.subject", "came {nmae}", "expected {link}", "came 'footer'", "came 'xx'"):
        assert said in caught.value.message
    with pytest.raises(Failure, match="is not TOML"):
        read_template(a_template(tmp_path, "[en"))


# What came back

UID = "8d1d4a54-0000-4000-8000-000000000001"
REPORT = f"""From: MAILER-DAEMON@mail.example
To: survey@city.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

Sorry.
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example

Final-Recipient: rfc822; bob@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such mailbox

--B
Content-Type: text/rfc822-headers

From: City <survey@city.example>
Message-ID: <invitation.{UID}@city.example>

--B--
"""


def test_a_report_is_understood() -> None:
    said = report_of(REPORT.encode())
    assert (said.uid, said.is_final, said.said) == (UID, True, "smtp; 550 5.1.1 No such mailbox")
    whole = REPORT.replace("text/rfc822-headers", "message/rfc822").replace("invitation.", "reminder.")
    assert report_of(whole.encode()).uid == UID
    assert not report_of(REPORT.replace("Action: failed", "Action: delayed").encode()).is_final
    assert report_of(REPORT.replace("invitation.", "other.").encode()).uid is None
    assert report_of(b"Subject: I am on holiday\n\nUntil Monday.\n").uid is None


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: (REPORT[:400] + text).encode()))
def test_whatever_comes_back_is_read(data: bytes) -> None:
    for one in messages_of(data):
        report_of(one)


def test_bounces_are_noted_once(city: World, tmp_path: Path) -> None:
    invited(city, LIST)
    bob = row(city)
    mbox = "".join(
        f"From MAILER-DAEMON Sat Nov 28 10:00:00 2026\n{text}\n"
        for text in (REPORT.replace(UID, bob.uid), REPORT, REPORT.replace(UID, bob.uid), "Subject: Hello\n\nYou\n")
    )
    (tmp_path / "mbox").write_text(mbox)
    done = hymio_here("invite", "bounces", "--db", city.db, str(tmp_path / "mbox"), "--json")
    said = check("invite-bounces", done.stdout)
    assert said == {"bounced": 1, "known": 1, "unknown": 1, "delayed": 0, "other": 1}
    assert row(city).bounced_utc is not None and row(city).trouble == "smtp; 550 5.1.1 No such mailbox"
    assert sent(city, time.time() + 1) == ["invitation anna@example.org"]


# What is forgotten


def test_what_is_erased_leaves_numbers_and_the_wish_not_to_be_asked(world: World) -> None:
    invited(world, LIST)
    bob = opened(world)
    with world.store.writing() as connection:
        unsubscribe(connection, bob, NOW)
        assert erase(connection, world.ids()["city"], bob.person, "anna", NOW)["invitations"] == 1
    gone = rows(world)[1]
    assert (gone.address, gone.name, gone.external, gone.due_utc) == (None, None, None, None)
    assert bob.person not in str(gone)
    assert invited(world, LIST, "--again-after", "0s")["left_out"]["unsubscribed"] == 1, "that outlives all"
