"""Figures that come by themselves, in a real Chromium: within a second, after a reconnect, and never in silence."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from demo_world import NOW_UTC, Fingers, demo_store
from hymio_process import service
from looking import opened
from playwright.sync_api import Browser, Page, expect

from hymio.office.demo_site import fill_demo
from hymio.pages.app import PageOptions, pages_app
from hymio.store.database import Store, open_store

TOWN = "/places/harbour-town"
WARD = f"{TOWN}/ward-3"


@contextmanager
def serving(store: Store, port: int = 0) -> Iterator[str]:
    """The pages of a database at a port, which breaks off all connections when it ends."""
    ends = threading.Event()
    app = pages_app(store, PageOptions(is_ending=ends.is_set, now_utc=lambda: NOW_UTC))
    config = uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", port)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ends.set()
            server.should_exit = True
            thread.join(30)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = demo_store(tmp_path_factory.mktemp("demo"))
    yield store
    store.close()


@pytest.fixture(scope="module")
def address(store: Store) -> Iterator[str]:
    with serving(store) as url:
        yield url


def answers(page: Page) -> int:
    return int(page.locator(".answers").inner_text().split()[0].replace(",", ""))


def be_live(page: Page) -> None:
    expect(page.locator("#live")).to_have_attribute("data-state", "on", timeout=10_000)


def test_a_press_is_on_the_page_within_a_second(browser: Browser, address: str, store: Store) -> None:
    fingers = Fingers(store, "demo-ward-3", 101)
    with opened(browser, f"{address}{WARD}?period=week") as page:
        be_live(page)
        assert page.locator("#live").inner_text() == "Live"
        waits = []
        for number in range(3):
            before = answers(page)
            begin = time.monotonic()
            fingers.press(4)
            expect(page.locator(".answers")).to_have_text(f"{before + 1} answers", timeout=5000)
            waits.append(time.monotonic() - begin)
            assert page.locator(".faces .count").nth(3).inner_text(), number
        assert sorted(waits)[1] < 1.0, waits
        assert page.locator("#gone").is_hidden()


def test_what_happens_elsewhere_changes_nothing_here(browser: Browser, address: str, store: Store) -> None:
    with opened(browser, f"{address}{TOWN}/library?period=week") as page:
        be_live(page)
        before = page.locator("#now").inner_html()
        Fingers(store, "demo-ward-3", 102).press(1, 1)
        with opened(browser, f"{address}{WARD}?period=week") as other:
            be_live(other)
        assert page.locator("#now").inner_html() == before


def test_a_killed_server_is_told_of_and_nothing_is_missed_when_it_is_back(browser: Browser, store: Store) -> None:
    with serving(store) as url:
        port = int(url.rpartition(":")[2])
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{url}{WARD}?period=week")
        be_live(page)
        before = answers(page)
    expect(page.locator("#live")).to_have_attribute("data-state", "off", timeout=5000)
    expect(page.locator("#gone")).to_be_visible()
    assert "Not live since" in page.locator("#live").inner_text()
    assert page.locator("#gone img").get_attribute("src", timeout=1000)
    Fingers(store, "demo-ward-3", 103).press(3, 3)
    with serving(store, port):
        be_live(page)
        expect(page.locator(".answers")).to_have_text(f"{before + 2} answers", timeout=3000)
        expect(page.locator("#gone")).to_be_hidden()
    context.close()


def test_a_process_that_was_killed_is_told_of_until_another_one_is_there(browser: Browser, tmp_path: Path) -> None:
    db = str(tmp_path / "demo.db")
    store = open_store(db, create=True)
    fill_demo(store, 1, time.time(), days=9)
    store.close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve = ("serve", "--db", db, "--listen", f"127.0.0.1:{port}", "--json")
    context = browser.new_context()
    page = context.new_page()
    with service(*serve) as running:
        running.wait_for("ready")
        page.goto(f"http://127.0.0.1:{port}{TOWN}?period=month")
        be_live(page)
        running.process.kill()
        expect(page.locator("#live")).to_have_attribute("data-state", "off", timeout=10_000)
    with service(*serve) as running:
        running.wait_for("ready")
        expect(page.locator("#live")).to_have_attribute("data-state", "on", timeout=30_000)
    context.close()


def test_the_other_figures_follow(browser: Browser, store: Store) -> None:
    with serving(store) as url, opened(browser, f"{url}{TOWN}?period=month") as page:  # nothing is ready yet
        expect(page.locator("#hours")).to_be_visible(timeout=10_000)
        expect(page.locator(".chart canvas")).to_be_visible()


def test_charts_are_tables_too_and_take_the_keyboard(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}{TOWN}/reception?period=month", reduced_motion="reduce") as page:
        expect(page.locator(".chart canvas")).to_be_visible(timeout=10_000)
        table = page.locator("figure table")
        assert not table.is_visible()
        page.get_by_text("As a table").focus()
        page.keyboard.press("Enter")
        assert table.is_visible() and table.locator("tbody tr").count() == 5
        assert page.locator(".chart").get_attribute("aria-hidden") == "true"


def test_without_scripts_all_figures_are_there(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}{TOWN}/reception?period=quarter", java_script_enabled=False) as page:
        if page.get_by_role("link", name="Load them").is_visible():
            page.wait_for_timeout(2000)
            page.get_by_role("link", name="Load them").click()
        assert page.locator("table.heat").is_visible() and page.locator(".places").is_visible()
        assert not page.locator(".chart").is_visible() and not page.locator("#live").is_visible()
        page.get_by_text("From–to").click()
        page.locator("#from").fill("2026-02-02")
        page.locator("#to").fill("2026-02-15")
        page.get_by_role("button", name="Show").click()
        assert "from=2026-02-02" in page.url and page.locator(".step").inner_text().strip().startswith("‹")


def test_a_chart_follows_light_and_dark(browser: Browser, address: str, tmp_path: Path) -> None:
    with opened(browser, f"{address}{TOWN}/reception?period=month", reduced_motion="reduce") as page:
        expect(page.locator(".chart canvas")).to_be_visible(timeout=10_000)
        light = page.locator(".chart").screenshot()
        page.emulate_media(color_scheme="dark")
        page.wait_for_timeout(100)
        assert page.locator(".chart").screenshot() != light
