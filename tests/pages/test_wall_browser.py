"""A wall display in a real browser: read from afar, live, without network, with a server that was killed, revoked."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from looking import check_width, opened, picture
from playwright.sync_api import Browser, Page, ViewportSize, expect
from served_world import CITY, Given, World
from starlette.applications import Starlette

from hymio.locale.language import LOCALES
from hymio.pages.app import PageOptions, pages_app
from hymio.serve.http_server import HttpServer
from hymio.store.wall_links import create_link, revoke_link

PATIENCE_MS = 60_000.0
WALLS: dict[str, ViewportSize] = {
    "hd": {"width": 1920, "height": 1080},
    "upright": {"width": 1080, "height": 1920},
    "4k": {"width": 3840, "height": 2160},
    "small": {"width": 800, "height": 600},
}
# Somewhere it is noon, so that no day ends during a test.
HOUR = time.gmtime().tm_hour
SITE = CITY.replace("Europe/Helsinki", f"Etc/GMT{HOUR - 12:+d}")


class Serving:
    """A server with one link, which can be stopped and started at its port."""

    def __init__(self, world: World) -> None:
        self.world = world
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.stop: Callable[[], None] = lambda: None
        self.start()
        self.link_id, self.url = self.link("north")

    def start(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        ready = threading.Event()
        app: Starlette = pages_app(self.world.store, PageOptions(is_ending=lambda: server.should_exit))
        server = HttpServer(app, None, ready.set)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        assert ready.wait(60)

        def stop() -> None:
            server.should_exit = True
            thread.join(60)
            listener.close()
            self.stop = lambda: None

        self.stop = stop

    def link(self, place: str) -> tuple[int, str]:
        ids = self.world.ids()
        with self.world.store.writing() as connection:
            link, secret = create_link(connection, place, ids["city"], ids[place], None, "anna", time.time())
        return link.id, f"http://127.0.0.1:{self.port}/wall/{secret}"

    def press(self, *buttons: int) -> None:
        now = time.time()
        self.world.tell("till-2", *(Given(now, one) for one in buttons), received_utc=now)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server, and six answers of today."""
    world = World(str(tmp_path_factory.mktemp("walls") / "votes.db"), SITE)
    made = Serving(world)
    made.press(4, 4, 4, 3, 2, 1)
    yield made
    made.stop()
    world.store.close()


@contextmanager
def a_screen(browser: Browser, url: str) -> Iterator[Page]:
    """A screen whose network fails now and then, which a browser complains about."""
    context = browser.new_context(viewport=WALLS["hd"])
    page = context.new_page()
    page.goto(url)
    yield page
    context.close()


def answers(page: Page, number: int) -> None:
    expect(page.locator(".votes")).to_contain_text(f"{number} answers", timeout=PATIENCE_MS)


def state(page: Page, words: str) -> None:
    expect(page.locator("#live")).to_contain_text(words, timeout=PATIENCE_MS)


@pytest.mark.parametrize("code", LOCALES)
def test_it_is_read_from_afar_in_whole(browser: Browser, serving: Serving, code: str) -> None:
    with opened(browser, f"{serving.url}?lang={code}", viewport=WALLS["hd"]) as page:
        assert page.locator("html").get_attribute("lang") == code
        for screen, size in WALLS.items():
            page.set_viewport_size(size)
            check_width(page)
            tall, high = page.evaluate(
                "[Math.max(...[...document.querySelectorAll('main *')].map(one => one.getBoundingClientRect().bottom)),"
                " window.innerHeight]"
            )
            assert tall <= high, f"{screen}: {tall} of {high}"
            picture(page, f"wall-{code}-{screen}")
        page.set_viewport_size({"width": 320, "height": 640})
        check_width(page)
        picture(page, f"wall-{code}-phone")


def test_no_part_of_it_burns_in(browser: Browser, serving: Serving) -> None:
    with opened(browser, serving.url, viewport=WALLS["hd"], reduced_motion="reduce") as page:
        stands = page.evaluate(
            """() => {
              const [moving] = document.getAnimations();
              moving.pause();
              return Array.from({ length: 8 }, (_, step) => {
                moving.currentTime = 1000 * (120 * step + 60);
                const { x, y, right, bottom } = document.querySelector("main").getBoundingClientRect();
                return [x, y, right, bottom].map(Math.round).join();
              });
            }"""
        )
        assert len(set(stands)) == 8, stands
        within = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert within == [1920, 1080]


def test_a_press_is_there_at_once_and_a_day_without_network_is_survived(browser: Browser, serving: Serving) -> None:
    with a_screen(browser, serving.url) as page:
        state(page, "Live")
        before = int(re.findall(r"\d+", page.locator(".votes").inner_text())[0])
        serving.press(4)
        answers(page, before + 1)
        # Everything that it needs is kept by now.
        page.wait_for_function("() => caches.open('wall').then(one => one.keys()).then(all => all.length > 6)")
        page.wait_for_function("() => navigator.serviceWorker.controller !== null")
        serving.stop()
        page.reload()  # as a screen does that was switched off overnight
        answers(page, before + 1)
        assert page.evaluate("[...document.images].every(one => one.naturalWidth > 0)")
        state(page, "Not live. This is how it was")
        serving.start()
        serving.press(4)
        answers(page, before + 2)
        state(page, "Live")


def test_a_day_that_is_over_is_not_called_today(browser: Browser, serving: Serving) -> None:
    with a_screen(browser, serving.url) as page:
        state(page, "Live")
        page.clock.install()
        page.clock.fast_forward("26:00:00")
        expect(page.locator("h2").first).to_have_text(re.compile("Answers of .*day"), timeout=PATIENCE_MS)


def test_a_link_that_is_revoked_goes_dark(browser: Browser, serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    from hymio.pages import wall_live

    monkeypatch.setattr(wall_live, "CHECK_S", 0.5)
    number, url = serving.link("n-two")
    with a_screen(browser, url) as page:
        state(page, "Live")
        with serving.world.store.writing() as connection:
            revoke_link(connection, number, time.time())
        expect(page.get_by_role("heading", level=1)).to_have_text("This link shows nothing", timeout=PATIENCE_MS)
        kept = "caches.match(location.href).then(one => [one ?? null, localStorage.length])"
        assert page.evaluate(kept) == [None, 0], "and nothing of it is kept"
