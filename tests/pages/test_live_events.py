"""The stream of figures as a program sees it: resumable, the same for all who look, and over when one may not look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any, cast

import pytest
from demo_world import NOW_UTC, Fingers, demo_store
from served_world import CITY, World
from served_world import NOW_UTC as SITE_NOW_UTC

from hymio.common.errors import NO_SERVICE, Failure
from hymio.common.roles import Role
from hymio.locale.language import language_of
from hymio.pages import live
from hymio.pages.access import OWNER, Access
from hymio.pages.dashboard import Dashboard
from hymio.pages.errors import Refused
from hymio.pages.live import LiveFigures
from hymio.pages.reader import KnownSites, PageReader
from hymio.store.database import Store
from hymio.store.users import Root, User

WARD = {"organisation": "harbour-town", "place": "ward-3"}
LIBRARY = {"organisation": "harbour-town", "place": "library"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = demo_store(tmp_path_factory.mktemp("demo"), days=10)
    yield store
    store.close()


class Looking:
    """Everybody who looks at the pages of a database, without a server between."""

    def __init__(self, store: Store, now_utc: float = NOW_UTC) -> None:
        self.store, self.now_utc, self.is_ending = store, now_utc, False
        self.sites = KnownSites(store)
        self.dashboard = Dashboard(store, self.sites, lambda: self.now_utc)
        self.live = LiveFigures(self.dashboard, lambda: self.is_ending)
        self.access: Access | None = OWNER
        self.trouble: Failure | None = None

    async def stream(
        self, place: dict[str, str], language: str = "en", who: Access = OWNER, **query: str
    ) -> AsyncIterator[str]:
        headers = {"last-event-id": query.pop("last")} if "last" in query else {}
        app = SimpleNamespace(state=SimpleNamespace(dashboard=self.dashboard))
        request: Any = SimpleNamespace(path_params=place, query_params=query, headers=headers, app=app)
        reader = PageReader(request, self.store, language_of(language), who, self.sites.now)

        def access() -> Access:
            if self.trouble is not None:
                raise self.trouble
            if self.access is None:
                raise Refused(403)
            return self.access

        answer = await self.live.answer(reader, access)
        if answer.status_code != 200:
            raise Refused(answer.status_code)
        stream = cast(Any, answer).body_iterator
        assert await anext(stream) == "retry: 1000\n\n"
        return cast(AsyncIterator[str], stream)


async def event(stream: AsyncIterator[str]) -> tuple[int, str]:
    """The number and the text of the next event with figures."""
    async with asyncio.timeout(10):
        while True:
            text = await anext(stream)
            if "event: figures" in text:
                number, _, rest = text.partition("\n")
                return int(number.removeprefix("id: ")), rest


def test_a_press_comes_to_all_who_look_and_to_nobody_else(store: Store) -> None:
    async def story() -> None:
        everybody = Looking(store)
        one, other = [await everybody.stream(WARD) for _ in range(2)]
        finn, elsewhere = await everybody.stream(WARD, "fi"), await everybody.stream(LIBRARY)
        first = [await event(stream) for stream in (one, other, finn, elsewhere)]
        assert first[0] == first[1] != first[2], "the same text, in the reader's language"
        assert "Happy Index" in first[0][1] and all(
            line.startswith(("event: ", "data: ")) for line in first[0][1].strip().splitlines()
        )
        await asyncio.to_thread(Fingers(store, "demo-ward-3", 201).press, 1)
        second = [await event(stream) for stream in (one, other, finn)]
        assert second[0][0] > first[0][0] and second[0][1] != first[0][1] and second[0] == second[1]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await anext(elsewhere)

    asyncio.run(story())


def test_who_comes_back_is_told_what_is_new_and_nothing_twice(store: Store) -> None:
    async def story() -> None:
        everybody = Looking(store)
        number, _ = await event(await everybody.stream(WARD))
        up_to_date = await everybody.stream(WARD, last=str(number))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.7):
                await anext(up_to_date)
        await asyncio.to_thread(Fingers(store, "demo-ward-3", 202).press, 2)
        behind = await everybody.stream(WARD, after=str(number))
        assert (await event(behind))[0] > number
        for odd in ("", "x", "-1", "9" * 30, "1.5"):
            assert (await event(await everybody.stream(WARD, after=odd)))[0] > number

    asyncio.run(story())


def test_who_may_not_look_any_more_hears_no_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ALIVE_S", 0.05)

    async def story() -> None:
        everybody = Looking(store)
        stream = await everybody.stream(WARD)
        await event(stream)
        assert await anext(stream) == "event: alive\ndata:\n\n"
        everybody.access = None
        async with asyncio.timeout(5):
            assert [one async for one in stream if "figures" in one] == []

    asyncio.run(story())


def test_who_may_see_less_than_before_loads_the_page_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ALIVE_S", 0.05)

    async def story() -> None:
        everybody = Looking(store)
        stream = await everybody.stream(WARD)
        await event(stream)
        organisation = everybody.sites.now()[0].stored.id
        roots = (Root(organisation, None),)
        everybody.access = Access(User(1, "bo", None, Role.VIEWER, None, 0.0, None, None, True, roots))
        async with asyncio.timeout(5):
            assert [one async for one in stream if "figures" in one] == []

    asyncio.run(story())


def test_another_site_is_another_page(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(str(tmp_path / "votes.db"), CITY)
        everybody = Looking(world.store, SITE_NOW_UTC)
        stream = await everybody.stream({"organisation": "city", "place": "n-one"})
        await event(stream)
        # The place is the other manager's by now.
        world.import_site(CITY.replace('name = "North one"\nparent = "north"', 'name = "North one"\nparent = "south"'))
        async with asyncio.timeout(5):
            assert "event: over\ndata:\n\n" in [one async for one in stream]
        anew = await everybody.stream({"organisation": "city", "place": "n-one"})
        assert "figures" in await anext(anew)
        world.store.close()

    asyncio.run(story())


def test_a_place_that_is_new_is_no_trouble_to_who_looks(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ALIVE_S", 0.05)

    async def story() -> None:
        everybody = Looking(store)
        stream = await everybody.stream(WARD)
        await event(stream)
        organisation = everybody.sites.now()[0].stored.id
        roots = (Root(organisation, None), Root(organisation, 999_999))
        everybody.access = Access(User(1, "bo", None, Role.MANAGER, None, 0.0, None, None, True, roots[1:]))
        async with asyncio.timeout(5):
            assert [one async for one in stream if "figures" in one] == []

    asyncio.run(story())


def test_a_database_that_is_away_ends_no_stream(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ALIVE_S", 0.05)

    async def story() -> None:
        everybody = Looking(store)
        stream = await everybody.stream(WARD)
        await event(stream)
        everybody.trouble = Failure(NO_SERVICE, "It is away.", "Wait.")
        async with asyncio.timeout(5):
            assert [await anext(stream) for _ in range(4)] == ["event: alive\ndata:\n\n"] * 4

    asyncio.run(story())


def test_a_bug_of_one_page_leaves_all_others_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        everybody = Looking(store)
        real = everybody.dashboard.now

        def now(shown: Any, *more: Any) -> Any:
            if shown.name[-1] == "ward-3":
                raise KeyError("a bug")
            return real(shown, *more)

        monkeypatch.setattr(everybody.dashboard, "now", now)
        broken, good = await everybody.stream(WARD), await everybody.stream(LIBRARY)
        async with asyncio.timeout(5):
            assert [one async for one in broken] == ["event: over\ndata:\n\n"]
        await event(good)

    asyncio.run(story())


def test_at_midnight_a_page_is_to_be_loaded_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ALIVE_S", 0.05)

    async def story() -> None:
        everybody = Looking(store)
        stream = await everybody.stream(WARD)
        await event(stream)
        everybody.now_utc += 86_400
        async with asyncio.timeout(5):
            assert "event: over\ndata:\n\n" in [one async for one in stream]

    asyncio.run(story())


def test_a_server_that_ends_ends_its_streams(store: Store) -> None:
    async def story() -> None:
        everybody = Looking(store)
        stream = await everybody.stream(WARD)
        await event(stream)
        everybody.is_ending = True
        async with asyncio.timeout(5):
            assert [one async for one in stream] == []

    asyncio.run(story())


def test_there_is_room_for_so_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LISTENERS_MAX", 1)

    async def story() -> None:
        everybody = Looking(store)
        await everybody.stream(WARD)
        request: Any = SimpleNamespace(path_params=WARD, query_params={}, headers={})
        reader = PageReader(request, store, language_of("en"), OWNER, everybody.sites.now)
        assert (await everybody.live.answer(reader, lambda: OWNER)).status_code == 503

    asyncio.run(story())


def test_nobody_takes_the_place_of_all_others(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LISTENERS_EACH", 1)

    async def story() -> None:
        everybody = Looking(store)
        roots = (Root(everybody.sites.now()[0].stored.id, None),)
        ann, bo = (
            Access(User(number, name, None, Role.VIEWER, None, 0.0, None, None, True, roots))
            for number, name in enumerate(("ann", "bo"))
        )
        for who in (OWNER, OWNER, ann, bo):
            await everybody.stream(WARD, who=who)
        with pytest.raises(Refused):
            await everybody.stream(LIBRARY, who=ann)

    asyncio.run(story())


def test_figures_that_take_long_are_followed_by_a_rest(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LONG_S", 0.05)
    monkeypatch.setattr(live, "POLL_S", 0.01)

    async def story() -> None:
        everybody = Looking(store)
        real, spans = everybody.dashboard.now, list[tuple[float, float]]()

        def now(*asked: Any) -> Any:
            began_s = time.monotonic()
            time.sleep(0.1)
            try:
                return real(*asked)
            finally:
                spans.append((began_s, time.monotonic()))

        monkeypatch.setattr(everybody.dashboard, "now", now)
        stream, fingers = await everybody.stream(WARD), Fingers(store, "demo-ward-3", 203)
        number, _ = await event(stream)
        for _ in range(3):
            await asyncio.to_thread(fingers.press, 3)
            newer, _ = await event(stream)
            assert newer > number, "nothing is lost for the rest"
            number = newer
        for (began_s, ended_s), (next_s, _) in pairwise(spans[1:]):
            assert next_s - ended_s >= live.REST * (ended_s - began_s) - 0.001

    asyncio.run(story())


def test_a_press_while_the_database_goes_away_is_told_when_it_is_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        everybody = Looking(store)
        real, failed = everybody.dashboard.now, asyncio.Event()
        stream = await everybody.stream(WARD)
        number, _ = await event(stream)
        loop = asyncio.get_running_loop()

        def now(*asked: Any) -> Any:
            if not failed.is_set():
                loop.call_soon_threadsafe(failed.set)
                raise Failure(NO_SERVICE, "It is away.", "Wait.")
            return real(*asked)

        monkeypatch.setattr(everybody.dashboard, "now", now)
        await asyncio.to_thread(Fingers(store, "demo-ward-3", 204).press, 2)
        assert (await event(stream))[0] > number and failed.is_set()

    asyncio.run(story())


def test_all_who_come_first_are_told_of_the_same_site(store: Store) -> None:
    """Others are another tree to who looks at a page live, so all would load it anew after a restart."""
    sites, all_there = KnownSites(store), Barrier(8)

    def ask(_: int) -> Any:
        all_there.wait()
        return sites.now()

    with ThreadPoolExecutor(8) as people:
        first, *others = people.map(ask, range(8))
    assert all(other is first for other in others)
