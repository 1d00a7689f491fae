"""Wall displays as answers to requests: what is on the screen, for whom, and what is on none."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from schema_check import check
from served_world import CITY, NOW_UTC, Given, World, at
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.testclient import TestClient

from hymio.common.errors import NO_SERVICE, Failure
from hymio.pages import wall_live
from hymio.pages.assets import PREFIX, answer_asset
from hymio.pages.reader import KnownSites
from hymio.pages.security_headers import SecurityHeaders
from hymio.pages.wall_live import Walls
from hymio.store.wall_links import create_link, revoke_link


class Screens:
    """Links of a database, and a client who has nothing but them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.walls = Walls(world.store, KnownSites(world.store), lambda: False, lambda: NOW_UTC)
        routes = [Route(PREFIX + "{name:path}", answer_asset), *self.walls.routes()]
        app = Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)])
        self.client = TestClient(app, base_url="https://wall.example", client=("192.0.2.9", 50000))

    def link(self, place: str | None = None, survey: str | None = None) -> str:
        ids = self.world.ids()
        with self.world.store.writing() as connection:
            node_id, survey_id = (None if key is None else ids[key] for key in (place, survey))
            self.last, secret = create_link(connection, "Lobby", ids["city"], node_id, survey_id, "anna", NOW_UTC)
        return f"/wall/{secret}"

    def revoke(self) -> None:
        with self.world.store.writing() as connection:
            revoke_link(connection, self.last.id, NOW_UTC)


@pytest.fixture
def screens(tmp_path: Path) -> Iterator[Screens]:
    """A city in which nobody has pressed anything."""
    world = World(str(tmp_path / "votes.db"), CITY)
    yield Screens(world)
    world.store.close()


def press(screens: Screens, *buttons: int, day: str = "2026-03-31", device_id: str = "till-2") -> None:
    began = at(f"{day}T06:00")
    screens.world.tell(device_id, *(Given(began + 60 * number, one) for number, one in enumerate(buttons)))


def test_it_shows_the_question_in_its_languages_and_the_faces_of_today(screens: Screens) -> None:
    press(screens, 4, 4, 4, 4, 4, 4, day="2026-03-30")
    press(screens, 4, 4, 4, 3, 3, 2, 1)
    address = screens.link("north")
    page = screens.client.get(address)
    assert page.status_code == 200
    assert '<h1 lang="en">How was our service today?</h1>' in page.text
    assert '<p lang="fi">Millaista palvelu oli tänään?</p>' in page.text
    assert re.findall(r"<strong>(.*?)</strong>", page.text) == ["14%", "14%", "29%", "43%"]
    assert "7 answers" in page.text and "Happy Index 67" in page.text
    twin = screens.client.get(f"{address}.json").json()
    assert twin == screens.client.get(address, headers={"accept": "application/json"}).json()
    check("wall", screens.client.get(f"{address}.json").text)
    assert (twin["faces"], twin["votes"], twin["day"], twin["place"]) == ([1, 1, 2, 3], 7, "2026-03-31", "North")
    finnish = screens.client.get(f"{address}?lang=fi").text
    assert '<html lang="fi">' in finnish and "7 vastausta" in finnish and "Happy Index 67" in finnish


def test_nothing_of_it_is_anybodys_and_nobody_else_gets_the_address(screens: Screens) -> None:
    press(screens, 4, 4, 4, 4, 4)
    address = screens.link()
    for path in (address, f"{address}.json"):
        answer = screens.client.get(path)
        assert not re.search(r"till-\d|anna|Lobby", answer.text)
        assert answer.headers["referrer-policy"] == "no-referrer" and answer.headers["x-robots-tag"] == "noindex"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
    page = screens.client.get(address).text
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=|https?://|<a ", page)
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(files) >= 6 and all(screens.client.get(file).status_code == 200 for file in files)


@pytest.mark.parametrize("buttons", [(), (1, 4, 4, 4)])
def test_too_few_answers_are_none(screens: Screens, buttons: tuple[int, ...]) -> None:
    press(screens, *buttons)
    address = screens.link("n-two")
    twin = screens.client.get(f"{address}.json").json()
    page = screens.client.get(address).text
    assert "<strong>" not in page and 'class="count"' not in page
    if buttons:
        assert (twin["faces"], twin["votes"], twin["happy_index"], twin["suppressed"]) == (None, None, None, True)
        assert "Fewer than 5 answers are not shown" in page
    else:
        assert (twin["faces"], twin["suppressed"]) == ([0, 0, 0, 0], False) and "No answers yet" in page


def test_staff_are_asked_on_a_screen_of_their_own_and_stay_hidden(screens: Screens) -> None:
    screens.world.tell("till-staff", *(Given(at("2026-03-31T06:00") + number, 1) for number in range(9)))
    press(screens, 4, 4, 4, 4, 4)
    everybody = screens.client.get(f"{screens.link()}.json").json()
    assert everybody["faces"] == [0, 0, 0, 5]
    staff = screens.client.get(f"{screens.link('n-one', 'pulse')}.json").json()
    assert (staff["faces"], staff["at_least"]) == (None, 10)
    assert staff["questions"] == [{"locale": "en", "text": "How was your day?"}]


def test_a_place_where_nothing_is_asked_is_called_by_its_name(screens: Screens) -> None:
    page = screens.client.get(screens.link("n-three")).text
    assert "<h1>North three</h1>" in page


def test_a_link_that_was_revoked_or_never_was_shows_nothing(screens: Screens) -> None:
    press(screens, 4, 4, 4, 4, 4)
    address = screens.link()
    assert screens.client.get(address).status_code == 200
    screens.revoke()
    for wrong in (address, "/wall/x", f"/wall/{'x' * 200}", "/wall/ä", address[:-1]):
        answer = screens.client.get(wrong, headers={"accept-language": "sv"})
        assert answer.status_code == 404 and "Den här länken visar ingenting" in answer.text
        assert answer.headers["cache-control"] == "private, no-cache" and "<strong>" not in answer.text
    said = screens.client.get(f"{address}.json").json()
    assert said["error"]["status"] == 404 and said["error"]["message"] == "This link shows nothing"
    with screens.client.stream("GET", f"{address}/live") as stream:
        assert "event: over" in "".join(stream.iter_text())


def test_who_has_no_link_takes_nobody_s_place(screens: Screens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall_live, "LISTENERS_MAX", 0)
    assert screens.client.get("/wall/x/live").text == "event: over\ndata:\n\n"
    address = screens.link()
    assert screens.client.get(f"{address}/live").status_code == 503
    monkeypatch.setattr(wall_live, "LISTENERS_MAX", 500)
    monkeypatch.setattr(wall_live, "LISTENERS_EACH", 0)
    assert screens.client.get(f"{address}/live").status_code == 503


def test_a_bug_of_one_screen_leaves_all_others_alone(screens: Screens, monkeypatch: pytest.MonkeyPatch) -> None:
    press(screens, 4, 4, 4, 4, 4)
    real, broken, good = screens.walls._state, screens.link("n-one"), screens.link()

    def some(secret: str, wait_s: float | None) -> Any:
        if secret in broken:
            raise KeyError("a bug")
        return real(secret, wait_s)

    async def story() -> list[str]:
        monkeypatch.setattr(screens.walls, "_state", some)
        for address in (broken, good):
            request: Any = SimpleNamespace(path_params={"secret": address[6:]}, query_params={}, headers={})
            stream: Any = await screens.walls._live(request)
        async with asyncio.timeout(5):
            return [await anext(stream.body_iterator) for _ in range(2)]

    assert "5 answers" in asyncio.run(story())[1]


def test_a_link_of_a_place_that_is_new_is_known_at_once(screens: Screens, monkeypatch: pytest.MonkeyPatch) -> None:
    old = screens.walls._sites.now()
    screens.world.import_site(CITY.replace("[question.q-service]", '[point.new]\nname = "New"\n[question.q-service]'))
    # As when somebody else looks at the same moment.
    monkeypatch.setattr(screens.walls._sites, "now", lambda: old)
    assert "<h1>New</h1>" in screens.client.get(screens.link("new")).text


def test_the_stream_ends_when_the_link_is_revoked(screens: Screens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall_live, "CHECK_S", 0.0)
    monkeypatch.setattr(wall_live, "POLL_S", 0.01)
    press(screens, 4, 4, 4, 4, 4)
    address = screens.link()
    seen = []
    # The client gives a stream only when it is over: it is, once something has been told.
    told = screens.walls._told

    async def revoking(screen: Any, has: str) -> Any:
        async for part in told(screen, has):
            seen.append(part)
            if "event: now" in part:
                screens.revoke()
            yield part

    monkeypatch.setattr(screens.walls, "_told", revoking)
    text = screens.client.get(f"{address}/live").text
    assert "5 answers" in text and text.endswith("event: over\ndata:\n\n")
    assert not screens.walls._screens and screens.walls._poller is None, "nobody listens, so nobody asks"


def test_a_page_does_not_wait_for_figures(screens: Screens, monkeypatch: pytest.MonkeyPatch) -> None:
    press(screens, 4, 4, 4, 4, 4)
    address, may_go, real = screens.link("n-two"), threading.Event(), wall_live.figures_of_day

    def slow(*arguments: Any) -> Any:
        assert may_go.wait(60)
        return real(*arguments)

    monkeypatch.setattr(wall_live, "figures_of_day", slow)
    page = screens.client.get(address).text
    assert "How was our service today?" in page and "<strong>" not in page and "Too few" not in page
    may_go.set()
    assert screens.client.get(f"{address}.json").json()["votes"] == 5, "a program waits"
    assert "5 answers" in screens.client.get(address).text


def test_a_log_does_not_tell_the_address(
    screens: Screens, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    address = screens.link()
    for error, status in ((Failure(NO_SERVICE, "It is away.", "Wait."), 503), (KeyError("a bug"), 500)):

        def fails(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(wall_live, "wall_screen", fails)
        with caplog.at_level(logging.ERROR):
            assert screens.client.get(address).status_code == status
    assert "/wall/***" in caplog.text and address not in caplog.text


def test_the_worker_answers_for_walls_and_for_nothing_else(screens: Screens) -> None:
    answer = screens.client.get("/wall/worker.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "service-worker-allowed" not in answer.headers and answer.headers["cache-control"] == "private, no-cache"
