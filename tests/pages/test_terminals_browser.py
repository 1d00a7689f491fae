"""The terminals in a real Chromium: for a screen reader, without scripts."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from accounts_world import opened_copy
from looking import SCREENS, opened, served
from playwright.sync_api import Browser
from sqlalchemy import insert
from test_terminals import NOW, STATES, fill

from hymio.pages.app import PageOptions, pages_app
from hymio.store import schema

LOG = {"number": 3, "boot": 7, "uptime_s": 1.5, "utc": None, "level": "warning", "text": "the battery was pulled"}


@pytest.fixture(scope="module")
def fleet(site_db: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with opened_copy(site_db, tmp_path_factory.mktemp("fleet") / "votes.db") as store:
        fill(store)
        with store.writing() as connection:
            # As they are today, and sixty more.
            moved = time.time() - NOW
            for device_id, state in STATES.items():
                later = {name: value + moved for name, value in state.items() if name.endswith("_utc")}
                if later:
                    which = schema.terminal_states.c.device_id == device_id
                    connection.execute(schema.terminal_states.update().where(which).values(**later))
            rows = [
                {"device_id": f"t-{number:02}", "heard_utc": NOW + moved - number, "unsent": 0} for number in range(60)
            ]
            connection.execute(insert(schema.terminal_states), rows)
        with served(pages_app(store, PageOptions(text_log=lambda _: [LOG]))) as url:
            yield url


def test_from_the_list_to_a_text_log_without_scripts(browser: Browser, fleet: str) -> None:
    with opened(browser, fleet, java_script_enabled=False, viewport=SCREENS["phone"]) as page:
        page.get_by_role("link", name="Terminals").click()
        assert page.get_by_text("65 terminals").is_visible()
        page.get_by_role("link", name="Next page").click()
        page.wait_for_url("**page=2*")
        page.get_by_label("Search").fill("ward 3")
        page.get_by_label("Show", exact=True).select_option("never")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**q=ward+3*")
        page.get_by_role("link", name="new-5").click()
        page.get_by_role("button", name="Ask for its text log").click()
        page.get_by_text("the battery was pulled").wait_for()
        page.get_by_role("link", name="Ward 3").first.click()
        assert page.get_by_role("heading", level=1).inner_text() == "Ward 3"


def test_a_screen_reader_is_told_the_order(browser: Browser, fleet: str) -> None:
    with opened(browser, f"{fleet}/terminals") as page:
        sorted_by = page.locator("th[aria-sort]")
        assert (sorted_by.inner_text(), sorted_by.get_attribute("aria-sort")) == ("Last word", "ascending")
        sorted_by.get_by_role("link").click()
        page.wait_for_url("**turned=1*")
        assert sorted_by.get_attribute("aria-sort") == "descending"
        page.get_by_role("link", name="Unsent").click()
        page.wait_for_url("**sort=unsent*")
        assert sorted_by.get_attribute("aria-sort") == "descending"
        assert page.locator("tbody th").first.inner_text().split()[0] == "till-2"
