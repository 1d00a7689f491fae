"""Pages in a real Chromium: light and dark, without scripts, by keyboard, under the policy, on paper."""

from __future__ import annotations

import pytest
from looking import SCREENS, check_accessible, opened
from playwright.sync_api import Browser

GROUP = "/places/city-hospital/wards"
POINT = "/places/city-hospital/ward-3"


def test_dark_is_dark_and_light_is_light(browser: Browser, address: str) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        with opened(browser, address + POINT, color_scheme=scheme) as page:
            grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(251, 250, 248)", "rgb(20, 24, 27)"]


def test_it_reads_without_scripts(browser: Browser, address: str) -> None:
    with opened(browser, address + "/", java_script_enabled=False, viewport=SCREENS["phone"]) as page:
        assert page.url.endswith("/places/city-hospital")
        assert not page.get_by_role("link", name="Ward 3").is_visible()
        page.get_by_role("link", name="Places").click()
        page.locator("#places").get_by_role("link", name="Wards").click()
        page.get_by_role("link", name="Places").click()
        page.locator("#places").get_by_role("link", name="Ward 3").click()
        assert page.get_by_role("heading", level=1).inner_text() == "Ward 3"
        page.get_by_role("link", name="Suomi").click()
        assert page.locator("html").get_attribute("lang") == "fi"
        page.goto(address + GROUP)
        assert page.locator("html").get_attribute("lang") == "fi"


def test_the_keyboard_comes_to_the_content_first(browser: Browser, address: str) -> None:
    with opened(browser, address + GROUP) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_scripts_run_under_the_policy(browser: Browser, address: str) -> None:
    with opened(browser, address + GROUP) as page:
        assert page.evaluate("typeof htmx") == "object"


def test_what_breaks_the_policy_is_refused_and_noticed(browser: Browser, address: str) -> None:
    with (
        pytest.raises(AssertionError, match="Content Security Policy"),
        opened(browser, address + GROUP) as page,
    ):
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p id=odd style=\"color: red\">x</p>')")
        assert page.evaluate("getComputedStyle(document.getElementById('odd')).color") != "rgb(255, 0, 0)"


def test_what_bars_people_is_noticed(browser: Browser, address: str) -> None:
    with opened(browser, address + GROUP) as page:
        page.evaluate("document.querySelector('.brand').replaceChildren(new Image())")
        with pytest.raises(AssertionError, match="image-alt"):
            check_accessible(page)


def test_paper_gets_the_content_alone(browser: Browser, address: str) -> None:
    with opened(browser, address + GROUP, color_scheme="dark") as page:
        page.emulate_media(media="print")
        assert page.locator("main").is_visible()
        for name in (".top", ".side", ".skip"):
            assert not page.locator(name).is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
