"""A database with places, surveys and votes in it, as a collector leaves it, and a client that asks what is served."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event, insert
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from hymio.common.rate_limits import RateLimit
from hymio.serve.app import create_app
from hymio.serve.http_server import HttpServer
from hymio.serve.serving import Serving
from hymio.site.diff import plan_import
from hymio.site.read import parse_site
from hymio.store import schema
from hymio.store.arrivals import Arrival
from hymio.store.database import Store, open_store
from hymio.store.sites import load_sites, lock_sites, save_changes
from hymio.store.tokens import create_token
from hymio.store.transaction import Transaction, commit
from hymio.wire.batches import Batch
from hymio.wire.records import VERDICT_CODES, Boot, Press, Record, Run, Time

NOW_UTC = datetime.fromisoformat("2026-03-31T12:00:00+00:00").timestamp()
LOG_ID = 0xBEEF

CITY = """
[organisation]
key = "city"
name = "City"
locale = "en"
time_zone = "Europe/Helsinki"

[group.north]
name = "North"
custom.region = "N"
[group.south]
name = "=South"
[point.n-one]
name = "North one"
parent = "north"
custom.floor = "3"
[point.n-two]
name = "North two"
parent = "north"
[point.n-three]
name = "North three"
[point.s-one]
name = "South one"
parent = "south"
time_zone = "Europe/Stockholm"
hours = "mon-sun 08:00-18:00"

[question.q-service]
text.en = "How was our service today?"
text.fi = "Millaista palvelu oli tänään?"
[question.mood]
text.en = "How was your day?"

[survey.service]
question = "q-service"
at = ["north", "south"]
first_day = 2026-01-01
[survey.service.unhappy]
text.en = "What went wrong?"
[[survey.service.unhappy.option]]
key = "waiting"
text.en = "The waiting"
text.fi = "Odotus"
[[survey.service.unhappy.option]]
key = "staff"
text.en = "The staff"
[survey.service.happy]
text.en = "What was good?"
[[survey.service.happy.option]]
key = "kind"
text.en = "Kindness"
[survey.later]
question = "q-service"
at = ["n-three"]
first_day = 2026-06-01
[survey.pulse]
question = "mood"
at = ["n-one"]
first_day = 2026-01-01
type = "staff"
[survey.phone]
question = "mood"
at = ["n-two"]
first_day = 2026-01-01
scale = "nps"

[[placement]]
device_id = "till-1"
at = "n-one"
from = 2026-01-01T00:00:00+02:00
until = 2026-03-01T00:00:00+02:00
[[placement]]
device_id = "till-1"
at = "s-one"
from = 2026-03-01T00:00:00+02:00
[[placement]]
device_id = "till-2"
at = "n-two"
from = 2026-01-01T00:00:00+02:00
[[placement]]
device_id = "till-staff"
at = "n-one"
from = 2026-01-01T00:00:00+02:00
asks = "staff"
"""
OTHER = """
[organisation]
key = "other"
name = "Other"
locale = "en"
time_zone = "UTC"
[point.x]
name = "X"
[question.q]
text.en = "Well?"
[survey.s]
question = "q"
at = ["x"]
first_day = 2026-01-01
[[placement]]
device_id = "till-other"
at = "x"
from = 2026-01-01T00:00:00+00:00
"""


def at(moment: str) -> float:
    """2026-03-29T10:00 in UTC, as seconds of 1970."""
    return datetime.fromisoformat(moment + "+00:00").timestamp()


@dataclass(frozen=True)
class Given:
    """A press as a terminal has it in its log; `presses` above 1 is a run."""

    utc: float
    button: int = 4
    verdict: str = "counted"
    presses: int = 1
    quiet_ms: int = 65535


class Teller:
    """A terminal that tells everything it was given, a batch at a time."""

    def __init__(self, store: Store, device_id: str, began_utc: float, is_dated: bool = True) -> None:
        self.store, self.device_id, self.began_utc = store, device_id, began_utc
        self.seq, self.totals = 0, [0, 0, 0, 0]
        self.first: list[Record] = [Boot(1, 0, 1, 0)]
        if is_dated:
            self.first.append(Time(1, 0, 1, int(began_utc)))

    def tell(self, given: Sequence[Given], received_utc: float = NOW_UTC) -> int:
        """One batch, in a transaction of its own; gives the seq of the first press."""
        records = self.first + [self._record(one) for one in given]
        before, skipped = (*self.totals,), len(self.first)
        for one in given:
            self.totals[one.button - 1] += one.presses
        first, self.seq, self.first = self.seq, self.seq + len(records), []
        batch = Batch(LOG_ID, 1, 1, True, first, len(records), first, 0, before, tuple(enumerate(records, first)))  # type: ignore[arg-type]
        commit(self.store, Transaction([Arrival(self.device_id, batch, "mqtt", received_utc, "test", b"")]))
        return first + skipped

    def _record(self, one: Given) -> Press | Run:
        uptime_ms = round((one.utc - self.began_utc) * 1000)
        if one.presses > 1:
            return Run(1, uptime_ms, one.button, VERDICT_CODES[one.verdict], 9, one.presses)
        return Press(1, uptime_ms, one.button, VERDICT_CODES[one.verdict], 0, 5, one.quiet_ms)


_names = itertools.count(1)


def new_database(kind: str, directory: Path, postgres_url: str | None) -> str:
    """An empty database of its own."""
    if kind == "sqlite":
        return str(directory / f"served-{next(_names)}.db")
    assert postgres_url is not None
    name = f"served_{next(_names)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres_url.replace("/postgres?", f"/{name}?")


class World:
    """The database, and what is known of it."""

    def __init__(self, db: str, *sites: str) -> None:
        self.db = db
        self.store = open_store(db, create=True)
        if self.store.engine.dialect.name == "sqlite":
            # That it waits for the disk is asserted in test_durable.py.
            self.store.engine.dispose()
            event.listen(self.store.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
        for text in sites:
            self.import_site(text)
        self.tellers: dict[str, Teller] = {}

    def import_site(self, text: str) -> None:
        site = parse_site(text)
        with self.store.writing() as connection:
            lock_sites(connection)
            stored = {one.site.organisation.key: one for one in load_sites(connection)}.get(site.organisation.key)
            plan = plan_import(stored.site if stored else None, site, int(NOW_UTC // 60))
            assert not plan.problems
            save_changes(connection, stored.id if stored else None, plan.changes)

    def tell(self, device_id: str, *given: Given, received_utc: float = NOW_UTC) -> int:
        if device_id not in self.tellers:
            self.tellers[device_id] = Teller(self.store, device_id, at("2026-01-01T00:00"))
        return self.tellers[device_id].tell(given, received_utc)

    def ids(self, organisation: str = "city") -> dict[str, int]:
        """Of places, surveys and questions, by key."""
        with self.store.reading() as connection:
            one = next(one for one in load_sites(connection) if one.site.organisation.key == organisation)
        return {**one.questions, **one.surveys, **one.nodes, organisation: one.id}

    def token(
        self,
        place: str | None = None,
        organisation: str = "city",
        expires_utc: float | None = None,
        cases: bool = False,
    ) -> str:
        ids = self.ids(organisation)
        node_id = None if place is None else ids[place]
        with self.store.writing() as connection:
            name = f"t{next(_names)}"
            _, token = create_token(connection, name, ids[organisation], node_id, expires_utc, NOW_UTC, cases)
        return token

    def answer(self, answer_id: str, place: str, survey: str, utc: float, **more: Any) -> None:
        """An answer from a phone, as the form of a later release will leave it."""
        ids = self.ids()
        row = {
            "answer_id": answer_id, "node_id": ids[place], "survey_id": ids[survey], "answered_utc": utc,
            "received_utc": utc, "via": "qr", "verdict": "counted", **more,
        }  # fmt: skip
        with self.store.writing() as connection:
            connection.execute(insert(schema.answers), [row])


@contextmanager
def served(
    world: World,
    address: str = "192.0.2.7",
    always_token: bool = False,
    rate: RateLimit | None = None,
    now: Callable[[], float] = lambda: NOW_UTC,
) -> Iterator[TestClient]:
    """A client of what is served, who asks from that address."""
    app = create_app(Serving(world.store, now), rate or RateLimit(1e6, 1e6), always_token)
    base = "http://127.0.0.1:8080" if address.startswith("127.") else "http://votes.example"
    with TestClient(app, base_url=base, client=(address, 50000), raise_server_exceptions=False) as client:
        yield client


@contextmanager
def listening(
    world: World, always_token: bool = False, now: Callable[[], float] = lambda: NOW_UTC, app: ASGIApp | None = None
) -> Iterator[str]:
    """The address of what is served by the server itself, at a free port: the API, or another application."""
    ready = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = Serving(world.store, now)
        server = HttpServer(app or create_app(serving, RateLimit(1e6, 1e6), always_token), None, ready.set)
        serving.is_ending = lambda: server.should_exit
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        assert ready.wait(60)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()


def fill(world: World) -> None:
    """Votes of every kind, at every place."""
    world.tell(
        "till-1",
        Given(at("2026-02-10T10:00"), 4), Given(at("2026-02-10T10:01"), 1),
        Given(at("2026-02-10T10:01:02"), 1, "answer"),
        Given(at("2026-02-10T10:05"), 2, "mash", presses=3), Given(at("2026-02-28T21:59:59"), 3),
        Given(at("2026-02-28T22:00"), 3), Given(at("2026-03-30T10:00"), 2), Given(at("2026-03-30T19:00"), 1),
        Given(at("2026-03-31T09:00"), 4), Given(at("2026-03-31T09:00:03"), 1, "answer"),
    )  # fmt: skip
    world.tell("till-2", *(Given(at("2026-03-31T06:00") + 60 * number, 1 + number % 4) for number in range(20)))
    world.tell("till-2", Given(at("2026-03-31T07:00"), 1, "repeat"), Given(at("2026-03-31T07:01"), 3, "test"))
    world.tell("till-staff", *(Given(at("2026-03-31T08:00") + number, 1) for number in range(12)))
    world.tell("till-other", Given(at("2026-03-31T08:00"), 4), Given(at("2026-03-31T08:01"), 4))
    world.tell("till-nowhere", Given(at("2026-03-31T08:00"), 4))
    world.tellers["till-undated"] = Teller(world.store, "till-undated", at("2026-03-01T00:00"), is_dated=False)
    world.tell("till-undated", Given(at("2026-03-01T01:00"), 2))
    first = "8d1d4a54-0000-4000-8000-00000000000"
    world.answer(f"{first}1", "n-two", "phone", at("2026-03-31T06:30"), score=9, text="=Lovely", locale="en")
    world.answer(f"{first}2", "n-two", "phone", at("2026-03-31T06:31"), score=2, text="Hyvä", locale="fi", via="link")
    world.answer(f"{first}3", "n-two", "phone", at("2026-03-31T06:32"), score=0, text="Buy pills", verdict="spam")
    world.answer(f"{first}4", "s-one", "service", at("2026-03-31T06:33"), face=1, options="[1, 2]")
    world.answer(f"{first}5", "n-one", "pulse", at("2026-03-31T06:34"), face=1, text="secret", options="[1]")
