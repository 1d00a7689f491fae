"""Deliveries: each message arrives at least once under one id, whoever is killed; and by real servers of every kind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hook_receiver import Receiver, receiving
from hymio_process import hymio_here, service
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from mailbox_server import Mailbox, certificates
from schema_check import check
from served_world import CITY, World
from sqlalchemy import delete, update

from hymio.common import webhooks
from hymio.common.errors import BROKEN_OFF, WRONG_USE
from hymio.common.webhooks import UrlFault, Webhook, WebhookTrouble, fault_of_url, send_webhook, signature
from hymio.mqtt.broker_tls import TlsFiles
from hymio.mqtt.client import access_to, run_on_loop
from hymio.office import deliver
from hymio.office.deliver import Sender, Tried, Untaken, Ways, send_due
from hymio.office.mail import parse_mail_server
from hymio.store import schema
from hymio.store.channels import (
    ChannelKind,
    ChannelWish,
    channel_of_id,
    channels_of,
    end_channel,
    make_channel,
    stored_channels,
)
from hymio.store.database import Store
from hymio.store.deliveries import (
    LEASE_S,
    MAIL_LEASE_S,
    PAUSES_S,
    Delivery,
    claim,
    deliveries_of,
    failed,
    queue,
    retry,
    taken,
)

NOW = 1_775_000_000.0
SAID = {"title": "Anna waits", "text": "Phone her.", "case": 3}
WEBHOOK = [ChannelKind.WEBHOOK]


@pytest.fixture
def world(empty_db: Callable[[str], str]) -> Iterator[World]:
    made = World(empty_db("deliveries"), CITY)
    yield made
    made.store.close()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[World]:
    """The city in SQLite: the other side knows nothing of databases."""
    made = World(str(tmp_path / "votes.db"), CITY)
    yield made
    made.store.close()


def add(world: World, kind: str = "webhook", target: str = "https://crm.example/in", **more: Any) -> int:
    """Makes a channel, and gives its number."""
    ids = world.ids()
    place = more.pop("place", None)
    wish = ChannelWish(
        more.pop("name", f"{kind} {time.monotonic_ns()}"), ChannelKind(kind), target, ("alert", "case"), "en", True
    )
    with world.store.writing() as connection:
        return make_channel(connection, ids["city"], place and ids[place], wish, None, NOW).id


def put(store: Store, channel: int, subject: str = "case 3", at: float = NOW, event: str = "case.opened") -> bool:
    with store.writing() as connection:
        return queue(connection, channel, event, subject, SAID, at)


def claimed(store: Store, at: float, kinds: Any = WEBHOOK, busy: tuple[int, ...] = ()) -> Delivery | None:
    with store.writing() as connection:
        return claim(connection, kinds, busy, at)


def kept(store: Store, channel: int) -> list[Delivery]:
    with store.reading() as connection:
        return list(deliveries_of(connection, [channel], False, 100))


# What is due, and when


def test_one_cause_is_one_message(world: World) -> None:
    channel, other = add(world), add(world)
    assert put(world.store, channel) and not put(world.store, channel)
    assert put(world.store, other) and put(world.store, channel, event="case.closed")
    with pytest.raises(RuntimeError), world.store.writing() as connection:
        queue(connection, channel, "case.opened", "case 4", SAID, NOW)
        raise RuntimeError("what it tells of did not happen")
    assert len(kept(world.store, channel)) == 2


def test_each_pause_is_as_the_specification_has_it(world: World) -> None:
    channel, at = add(world), NOW
    put(world.store, channel)
    for number, pause_s in enumerate(PAUSES_S, 1):
        assert claimed(world.store, at - 0.01) is None
        one = claimed(world.store, at)
        assert one is not None and one.tries == number and one.payload == SAID
        with world.store.writing() as connection:
            failed(connection, one, "it answered 500", at + 1)
        at += 1 + pause_s
    last = claimed(world.store, at)
    assert last is not None
    with world.store.writing() as connection:
        failed(connection, last, "it answered 500", at)
    [dead] = kept(world.store, channel)
    assert (dead.due_utc, dead.dead_utc, dead.trouble, dead.tries) == (None, at, "it answered 500", 10)
    with world.store.writing() as connection:
        assert not retry(connection, dead.id, [channel + 1], at + 5)
        assert retry(connection, dead.id, [channel], at + 5) and not retry(connection, dead.id, [channel], at + 5)
    again = claimed(world.store, at + 5)
    assert again is not None and again.uid == dead.uid and again.tries == 1
    with world.store.writing() as connection:
        taken(connection, again, at + 6)
        assert not retry(connection, dead.id, [channel], at + 7)
    assert kept(world.store, channel)[0].trouble is None


def test_whoever_is_asked_to_wait_waits_and_whoever_is_gone_is_not_asked_again(world: World) -> None:
    channel = add(world)
    put(world.store, channel)
    put(world.store, channel, "case 4")
    one = claimed(world.store, NOW)
    assert one is not None
    with world.store.writing() as connection:
        failed(connection, one, "it answered 503", NOW, retry_after_s=90.0)
    assert kept(world.store, channel)[1].due_utc == NOW + 90
    one = claimed(world.store, NOW)
    assert one is not None and one.subject == "case 4"
    with world.store.writing() as connection:
        failed(connection, one, "it answered 410", NOW, is_gone=True)
    assert [found.dead_utc for found in kept(world.store, channel)] == [NOW, NOW]
    with world.store.reading() as connection:
        ended = channel_of_id(connection, channel)
    assert ended is not None and ended.ended_utc == NOW
    with world.store.writing() as connection:
        assert not retry(connection, one.id, [channel], NOW)


def test_what_a_channel_hears_of(world: World) -> None:
    ids = world.ids()
    whole, north = add(world), add(world, place="north")
    one = ids["city"], [ids["n-one"], ids["north"]]
    with world.store.writing() as connection:
        assert [found.id for found in channels_of(connection, *one, "case.opened")] == [whole, north]
        assert [found.id for found in channels_of(connection, ids["city"], [ids["s-one"]], "case.opened")] == [whole]
        assert channels_of(connection, *one, "answer.given") == []
        end_channel(connection, whole, NOW)
        assert [found.id for found in channels_of(connection, *one, "alert.raised")] == [north]


def test_one_that_is_late_says_nothing(city: World) -> None:
    channel = add(city)
    put(city.store, channel)
    late, other = claimed(city.store, NOW), claimed(city.store, NOW + LEASE_S)
    assert late is not None and other is not None and late.id == other.id
    with city.store.writing() as connection:
        failed(connection, late, "it took too long", NOW + LEASE_S + 1, is_gone=False)
    [now] = kept(city.store, channel)
    assert (now.due_utc, now.trouble) == (NOW + 2 * LEASE_S, None), "it is the other's to say"


class TwoSenders(RuleBasedStateMachine):
    """Two senders, either of which may be killed at any point; a receiver that drops what it has by its id."""

    world: World
    channel: int

    def __init__(self) -> None:
        super().__init__()
        with self.world.store.writing() as connection:
            connection.execute(delete(schema.deliveries))
        self.now = NOW
        self.queued: set[str] = set()
        self.held: dict[int, tuple[Delivery, float]] = {}
        self.came: list[str] = []
        """Subjects, in the order in which the receiver got them, repetitions too."""
        self.ids: dict[str, set[str]] = {}
        self.killed: set[str] = set()
        """Subjects that went without anybody having said so."""

    @rule(number=st.integers(0, 5))
    def something_happens(self, number: int) -> None:
        subject = f"case {number}"
        assert put(self.world.store, self.channel, subject, self.now) == (subject not in self.queued)
        self.queued.add(subject)

    @rule(seconds=st.sampled_from([0.0, 1.0, 6.0, LEASE_S, 400.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds

    @rule(who=st.integers(0, 1))
    def begins(self, who: int) -> None:
        if who not in self.held and (one := claimed(self.world.store, self.now)) is not None:
            others = [held.id for held, until in self.held.values() if until > self.now]
            assert one.id not in others, "somebody else is at it"
            self.held[who] = one, self.now + LEASE_S

    @precondition(lambda self: self.held)
    @rule(who=st.integers(0, 1), how=st.sampled_from(["taken", "refused", "killed before", "killed after"]))
    def ends(self, who: int, how: str) -> None:
        if who not in self.held:
            return
        one, _ = self.held.pop(who)
        if how in ("taken", "killed after"):
            self.came.append(one.subject)
            self.ids.setdefault(one.subject, set()).add(one.uid)
        if how == "killed after":
            self.killed.add(one.subject)
        with self.world.store.writing() as connection:
            if how == "taken":
                taken(connection, one, self.now)
            elif how == "refused":
                failed(connection, one, "no", self.now)

    @invariant()
    def repetitions_can_be_told(self) -> None:
        assert all(len(uids) == 1 for uids in self.ids.values())

    def teardown(self) -> None:
        for one, _ in self.held.values():  # both are killed
            self.killed.add(one.subject)
        gone = {subject for subject in self.came if self.came.count(subject) > 1}
        for _ in range(200):
            self.now += PAUSES_S[-1]
            while (one := claimed(self.world.store, self.now)) is not None:
                self.came.append(one.subject)
                with self.world.store.writing() as connection:
                    taken(connection, one, self.now)
            if all(one.due_utc is None for one in kept(self.world.store, self.channel)):
                break
        dead = {one.subject for one in kept(self.world.store, self.channel) if one.dead_utc is not None}
        assert self.queued <= set(self.came) | dead, "at least once"
        assert gone <= self.killed | {one for one in gone if self.came.count(one) == 2}


def test_two_senders_and_whatever_happens(tmp_path: Path) -> None:
    TwoSenders.world = World(str(tmp_path / "votes.db"), CITY)
    TwoSenders.channel = add(TwoSenders.world)
    try:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            TwoSenders, settings=settings(max_examples=12, stateful_step_count=20, deadline=None)
        )
    finally:
        TwoSenders.world.store.close()


def test_of_two_at_once_one_gets_it(world: World) -> None:
    channel = add(world)
    for number in range(40):
        put(world.store, channel, f"case {number}")
    found: list[str] = []

    def work() -> None:
        while (one := claimed(world.store, NOW)) is not None:
            found.append(one.subject)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(set(found)) == 40


# Webhooks


def test_the_signature_of_the_specification() -> None:
    # From the tests of its own libraries.
    secret, name = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    said = signature(secret, name, 1614265330, b'{"test": 2432232314}')
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://crm.example.org/in?a=b", None),
        ("https://8.8.8.8:8443/in", None),
        ("https://[2001:4860:4860::8888]/", None),
        ("http://crm.example.org/in", UrlFault.NO_TLS),
        ("https://127.0.0.1/in", UrlFault.INSIDE),
        ("https://10.1.2.3/in", UrlFault.INSIDE),
        ("https://169.254.169.254/latest/meta-data", UrlFault.INSIDE),
        ("https://[::1]/", UrlFault.INSIDE),
        ("https://[::ffff:127.0.0.1]/", UrlFault.INSIDE),
        ("https://[64:ff9b::7f00:1]/", UrlFault.INSIDE),
        ("https://[2002:7f00:1::]/", UrlFault.INSIDE),
        ("https://[64:ff9b:1::7f00:1]/", UrlFault.INSIDE),
        ("https://[::127.0.0.1]/", UrlFault.INSIDE),
        ("https://[::ffff:0:127.0.0.1]/", UrlFault.INSIDE),
        ("https://[fec0::1]/", UrlFault.INSIDE),
        ("https://[fd00::1]/", UrlFault.INSIDE),
        ("https://224.0.0.1/", UrlFault.INSIDE),
        ("https://user:password@crm.example/", UrlFault.FORM),
        ("https://crm.example/#in", UrlFault.FORM),
        ("https://crm.example\\@127.0.0.1/", UrlFault.FORM),
        ("https://crm.example/\r\nX-A: b", UrlFault.FORM),
        ("https://crm.example:0/", UrlFault.FORM),
        ("https://crm.example:99999/", UrlFault.FORM),
        ("https://", UrlFault.FORM),
        ("file:///etc/passwd", UrlFault.FORM),
        ("https://crm.example/" + "a" * 2000, UrlFault.FORM),
    ],
)
def test_addresses_to_which_nothing_goes(url: str, fault: UrlFault | None) -> None:
    assert fault_of_url(url, may_be_inside=False) is fault


def test_a_name_that_leads_inside_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def leads(*addresses: str) -> None:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in addresses]
        monkeypatch.setattr(webhooks.socket, "getaddrinfo", lambda *_, **__: found)

    reached: list[Any] = []

    def connect(address: Any, timeout: float) -> socket.socket:
        reached.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(webhooks.socket, "create_connection", connect)
    for addresses in (["127.0.0.1"], ["8.8.8.8", "10.0.0.1"]):
        leads(*addresses)
        with pytest.raises(WebhookTrouble, match="inner network"):
            send_webhook(Webhook("https://crm.example/in", "whsec_AAAA", False), "1", b"{}", 1)
    assert reached == []
    leads("8.8.8.8")
    with pytest.raises(WebhookTrouble, match="without TLS nothing"):
        send_webhook(Webhook("http://crm.example/in", "whsec_AAAA", True), "1", b"{}", 1)
    with pytest.raises(WebhookTrouble, match="refused"):
        send_webhook(Webhook("https://crm.example/in", "whsec_AAAA", False), "1", b"{}", 1)
    assert reached == [("8.8.8.8", 443)], "the address that was looked at, not the name"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def listening_channel(world: World, receiver: Receiver) -> int:
    channel = add(world, target=f"{receiver.url}/in?key=x")
    with world.store.reading() as connection:
        found = channel_of_id(connection, channel)
    assert found is not None and found.secret is not None
    receiver.secret = found.secret
    return channel


def test_a_webhook_is_signed_and_tried_again(city: World, receiver: Receiver) -> None:
    channel = listening_channel(city, receiver)
    put(city.store, channel)
    receiver.answer = lambda uid: (429, {"Retry-After": "77"})
    [told] = send_due(city.store, Ways(), lambda: NOW)
    assert told.trouble == "it answered 429" and kept(city.store, channel)[0].due_utc == NOW + 77
    receiver.answer = lambda uid: (204, {})
    [told] = send_due(city.store, Ways(), lambda: NOW + 77)
    [(uid, body)] = receiver.taken
    assert uid == told.delivery.uid and receiver.asked == ["/in?key=x"] * 2
    assert body == {
        "type": "case.opened", "timestamp": "2026-03-31T23:33:20.000+00:00", "title": "Anna waits",
        "text": "Phone her.", "data": {"case": 3},
    }  # fmt: skip
    assert list(send_due(city.store, Ways(), lambda: NOW + 1e6)) == []


def test_no_redirect_is_followed_and_410_ends_the_channel(city: World, receiver: Receiver) -> None:
    channel = listening_channel(city, receiver)
    put(city.store, channel)
    receiver.answer = lambda uid: (302, {"Location": f"{receiver.url}/elsewhere"})
    assert [told.trouble for told in send_due(city.store, Ways(), lambda: NOW)] == ["it answered 302"]
    receiver.answer = lambda uid: (410, {})
    assert len(list(send_due(city.store, Ways(), lambda: NOW + 10))) == 1
    assert receiver.asked == ["/in?key=x"] * 2
    with city.store.reading() as connection:
        found = channel_of_id(connection, channel)
    assert found is not None and found.ended_utc == NOW + 10


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"\x16\x03\x01nonsense\r\n\r\n", b"HTTP/1.1 2"])
def test_a_server_that_never_ends_an_answer_is_left(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "TOTAL_S", 0.3)
    is_over = threading.Event()

    def drip(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection = listener.accept()[0]
            connection.sendall(answer)
            while not is_over.wait(0.02):
                connection.sendall(b"x" if answer else b"")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        begin = time.monotonic()
        with pytest.raises(WebhookTrouble):
            send_webhook(Webhook(f"http://127.0.0.1:{listener.getsockname()[1]}/", "whsec_AAAA", True), "1", b"{}", 1)
        is_over.set()
    assert time.monotonic() - begin < 5


def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca, context = certificates(tmp_path)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            with contextlib.suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as one:
                came = b""
                # Who closes before all has come ends the answer, too.
                while not came.endswith(b"{}") and (more := one.recv(4096)):
                    came += more
                one.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        webhook = Webhook(f"https://127.0.0.1:{listener.getsockname()[1]}/", "whsec_AAAA", True)
        with pytest.raises(WebhookTrouble, match="not whom we trust"):
            send_webhook(webhook, "1", b"{}", 1)
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        send_webhook(webhook, "1", b"{}", 1)


# Killed


KILLED = """
import os, signal, sys
from hymio.office import deliver
from hymio.office.deliver import Ways, send_due
from hymio.store.database import open_store

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

where = sys.argv[2]
if where == "before it goes":
    deliver.tell = kill
elif where == "after it went":
    deliver.taken = kill
list(send_due(open_store(sys.argv[1]), Ways()))
"""


@pytest.mark.parametrize("where", ["before it goes", "after it went"])
def test_one_that_is_killed_leaves_it_to_another_under_the_same_id(city: World, receiver: Receiver, where: str) -> None:
    channel = listening_channel(city, receiver)
    put(city.store, channel, at=time.time())
    [before] = kept(city.store, channel)
    killed = subprocess.run([sys.executable, "-c", KILLED, city.db, where], check=False, env=os.environ)
    assert killed.returncode == -signal.SIGKILL
    assert len(receiver.taken) == (where == "after it went")
    assert list(send_due(city.store, Ways())) == [], "whoever began may still be at it"
    assert len(list(send_due(city.store, Ways(), lambda: time.time() + LEASE_S))) == 1
    assert {uid for uid, _ in receiver.taken} == {before.uid}
    assert len(receiver.taken) == 1 + (where == "after it went")


def test_the_server_tells_at_once_and_may_be_killed_amid_it(city: World, receiver: Receiver) -> None:
    channel = listening_channel(city, receiver)
    came = threading.Event()
    with service("serve", "--db", city.db, "--listen", "127.0.0.1:0", "--json") as server:
        server.wait_for("ready")

        def kill(_uid: str) -> tuple[int, dict[str, str]]:
            server.process.kill()
            came.set()
            return 204, {}

        receiver.answer = kill
        began = time.monotonic()
        put(city.store, channel, at=time.time())
        assert came.wait(5) and time.monotonic() - began < 5
        assert server.process.wait(10) == -signal.SIGKILL
    receiver.answer = lambda _uid: (204, {})
    assert len(list(send_due(city.store, Ways(), lambda: time.time() + LEASE_S))) == 1
    assert [uid for uid, _ in receiver.taken] == [kept(city.store, channel)[0].uid] * 2


# By other ways


def test_a_mail_says_the_same_each_time(city: World) -> None:
    mailbox = Mailbox()
    try:
        ways = Ways(parse_mail_server(mailbox.url, "hymio@city.example"))
        channel = add(city, "email", "anna@example.org")
        put(city.store, channel)
        assert claimed(city.store, NOW, [ChannelKind.EMAIL]) is not None
        assert list(send_due(city.store, ways, lambda: NOW + MAIL_LEASE_S - 1)) == []
        assert len(list(send_due(city.store, ways, lambda: NOW + MAIL_LEASE_S))) == 1
        with city.store.writing() as connection:  # as if it was killed before it could say so
            connection.execute(update(schema.deliveries).values(taken_utc=None, due_utc=NOW))
        assert len(list(send_due(city.store, ways, lambda: NOW))) == 1
    finally:
        mailbox.controller.stop()
    one, again = mailbox.taken
    assert one["Message-ID"] == again["Message-ID"] == f"<event.{kept(city.store, channel)[0].uid}@city.example>"
    assert (one["To"], one["Subject"], one.get_content().strip()) == ("anna@example.org", "Anna waits", "Phone her.")


def test_home_assistant_sees_an_event(city: World, mosquitto: int) -> None:
    add(city, "mqtt", "hymio/events", name="Home")
    put(city.store, 1)
    ways = Ways(broker=access_to(f"mqtt://127.0.0.1:{mosquitto}", TlsFiles()))
    came: dict[str, Any] = {}

    async def follow() -> None:
        async with ways.broker.connect() as connection:  # type: ignore[union-attr]
            await connection.subscribe(["hymio/events", "homeassistant/#"])
            told: list[Tried] = await asyncio.to_thread(lambda: list(send_due(city.store, ways, lambda: NOW)))
            assert [one.trouble for one in told] == [None]
            async for message in connection.messages():
                came[message.topic] = message
                if len(came) == 2:
                    return

    run_on_loop(asyncio.wait_for(follow(), 20))
    event = check("webhook", came["hymio/events"].payload)
    entity = came["homeassistant/event/hymio_channel_1/config"].payload
    assert event["event_type"] == "case.opened" and event["id"] == kept(city.store, 1)[0].uid
    assert b'"state_topic": "hymio/events"' in entity and b'"case.opened"' in entity


def test_apprise_tells_a_service(city: World, receiver: Receiver) -> None:
    channel = add(city, "apprise", receiver.url.replace("http", "json") + "/notify")
    put(city.store, channel)
    assert [one.trouble for one in send_due(city.store, Ways(), lambda: NOW)] == [None]
    [(_, body)] = receiver.taken
    assert (body["title"], body["message"]) == ("Anna waits", "Phone her.")
    receiver.answer = lambda _: (500, {})
    put(city.store, channel, "case 4")
    assert [one.trouble for one in send_due(city.store, Ways(), lambda: NOW)] == ["Apprise could not deliver it"]


def test_what_has_no_way_waits(city: World) -> None:
    mail, mqtt = add(city, "email", "anna@example.org"), add(city, "mqtt", "hymio/events")
    put(city.store, mail, at=time.time())
    put(city.store, mqtt, at=time.time())
    done = hymio_here("deliver", "run", "--db", city.db, "--json")
    assert done.returncode == BROKEN_OFF and "1 by email, 1 by mqtt" in done.stderr
    assert check("deliver-run", done.stdout) == {"sent": [], "failed": [], "waiting": 2}


def test_one_that_is_slow_holds_up_no_other(city: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = add(city), add(city, "email", "anna@example.org")
    goes_on, came = threading.Event(), threading.Event()

    def tell(ways: Ways, channel: Any, delivery: Delivery, now_utc: float) -> None:
        if channel.id == slow:
            goes_on.wait(20)
            raise Untaken("it took too long")
        came.set()

    monkeypatch.setattr(deliver, "tell", tell)
    for number in range(12):
        put(city.store, slow, f"case {number}")
    put(city.store, quick, at=NOW + 1)
    sender = Sender(city.store, Ways(parse_mail_server("smtp://127.0.0.1:9")), lambda: NOW + 2)
    sender.start()
    try:
        assert came.wait(5), "within the seconds in which an alert is to arrive"
    finally:
        goes_on.set()
        sender.end()


# The commands


def test_channels_by_command(city: World, receiver: Receiver) -> None:
    run = ("--db", city.db)
    made = hymio_here("channel", "add", *run, "--name", "CRM", "--webhook", f"{receiver.url}/key/abc", "--json")
    said = check("channel", made.stdout)
    receiver.secret = said["secret"]
    assert (said["target"], said["events"]) == (f"{receiver.url}/***", ["alert", "case"])
    mail = ("channel", "add", *run, "--name", "On duty", "--email", "anna@example.org", "--place", "north")
    assert "a***@example.org" in hymio_here(*mail).stdout
    assert hymio_here(*mail).returncode == WRONG_USE, "there is one of that name"
    tested = hymio_here("channel", "test", *run, "CRM", "--json")
    assert check("channel-test", tested.stdout)["uid"] == receiver.taken[0][0]
    assert receiver.taken[0][1]["title"] == "A test of the channel CRM"
    assert hymio_here("channel", "test", *run, "On duty").returncode == BROKEN_OFF
    put(city.store, said["id"], at=time.time())
    ran = check("deliver-run", hymio_here("deliver", "run", *run, "--json").stdout)
    assert [one["channel"] for one in ran["sent"]] == ["CRM"]
    put(city.store, said["id"], "case 9")
    assert check("channel-remove", hymio_here("channel", "remove", *run, "CRM", "--json").stdout)["name"] == "CRM"
    listed = hymio_here("channel", "list", *run, "--json")
    rows = check("channel-list", listed.stdout)["channels"]
    assert [(row["taken"], row["waiting"], row["dead"]) for row in rows] == [(1, 0, 1), (0, 0, 0)]
    for shown in (listed, hymio_here("channel", "list", *run), hymio_here("audit", *run, "--json")):
        assert shown.returncode == 0 and "abc" not in shown.stdout and said["secret"] not in shown.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--apprise, came none of them"),
        (["--email", "a@b.example", "--mqtt", "x"], "came --email and --mqtt"),
        (["--email", "anna"], "anna is no e-mail address"),
        (["--webhook", "ftp://crm.example"], "Expected an address as https://"),
        (["--mqtt", "hymio/#"], "Expected an MQTT topic"),
        (["--apprise", "nothing://here"], "Apprise knows no address that begins with nothing://"),
        (["--email", "a@b.example", "--place", "nowhere"], "expected the key of a group"),
    ],
)
def test_a_channel_that_is_none(city: World, options: list[str], said: str) -> None:
    done = hymio_here("channel", "add", "--db", city.db, "--name", "x", *options)
    assert done.returncode == WRONG_USE and said in " ".join(done.stderr.split())
    with city.store.reading() as connection:
        assert list(stored_channels(connection)) == []
