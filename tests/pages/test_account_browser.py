"""Logging in, accounts and refusals in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from accounts_world import PASSWORD, add, cheap_hashes, opened_copy
from looking import SCREENS, opened, served
from oidc_provider import CLIENT, SECRET, provider
from playwright.sync_api import Browser, Page

from hymio.common.roles import Role
from hymio.pages.app import PageOptions, pages_app
from hymio.pages.log_in import NAME_AT_ONCE
from hymio.pages.oidc import Oidc, OidcSettings
from hymio.store.database import Store
from hymio.store.users import end_sessions

WARD = "/places/city-hospital/ward-3"


@pytest.fixture(scope="module")
def store(site_db: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = Path(tmp_path_factory.mktemp("people")) / "votes.db"
    with cheap_hashes(), opened_copy(site_db, path) as opened_store:
        add(opened_store, "anna", Role.ADMIN)
        add(opened_store, "bo@city.example", Role.MANAGER, "wards")
        add(opened_store, "cia", Role.VIEWER, "bar")
        yield opened_store


@pytest.fixture(scope="module")
def city(store: Store) -> Iterator[str]:
    """Where the pages are, with an issuer that vouches for bo."""
    with provider() as issuer:
        issuer.person = {"sub": "7", "email": "eva@city.example", "email_verified": True}
        add(store, "eva@city.example", Role.VIEWER, password=None, issuer=issuer.url)
        settings = OidcSettings(issuer.url, CLIENT, SECRET, "", "City log-in", None)
        oidc = Oidc(settings)
        with served(pages_app(store, PageOptions(oidc))) as url:
            object.__setattr__(settings, "url", url)
            yield url


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.locator("#name").fill(name)
    page.locator("#password").fill(password)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def press(page: Page, button: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=button).click()


def test_the_language_of_an_address_holds_from_the_log_in_to_the_end_of_the_session(
    browser: Browser, city: str, store: Store
) -> None:
    with opened(browser, f"{city}/users?lang=fi") as page:
        assert page.url.endswith("/login?next=%2Fusers%3Flang%3Dfi")
        assert page.locator("h1").inner_text() == "Kirjaudu sisään"
        log_in(page, "cia", "wrong horse battery")
        assert page.get_by_role("alert").inner_text() == "Nimi tai salasana on väärä."
        log_in(page, "anna")
        page.wait_for_url(f"{city}/users?lang=fi")
        # The server has logged it out meanwhile.
        page.goto(f"{city}/account")
        with store.writing() as connection:
            end_sessions(connection, 1)
        page.locator("#old").fill("x")
        page.locator("#new").fill("y")
        page.locator("#again").fill("y")
        with page.expect_navigation():
            page.locator("main form button").click()
        assert page.locator("html").get_attribute("lang") == "fi"
        assert page.locator("main .button").get_attribute("href") == "/login"


def test_a_day_of_an_admin_and_a_viewer_without_scripts(browser: Browser, city: str) -> None:
    settings = {"java_script_enabled": False, "viewport": SCREENS["phone"]}
    with opened(browser, f"{city}/users", **settings) as page, opened(browser, city + WARD, **settings) as other:
        log_in(page, "Anna")
        main = page.locator("main")
        main.locator("#name").fill("fia@city.example")
        main.get_by_label("Viewer").check()
        main.get_by_label("Ward 3").check()
        main.locator("#password").fill("short")
        press(page, "Make the account")
        assert "10 to 256 characters" in page.get_by_role("alert").inner_text()
        assert main.locator("#name").input_value() == "fia@city.example" and main.get_by_label("Viewer").is_checked()
        assert main.get_by_label("Ward 3").is_checked()
        main.locator("#password").fill(PASSWORD)
        press(page, "Make the account")
        assert page.get_by_role("status").inner_text().startswith("The account is there.")
        log_in(other, "fia@city.example")
        assert other.url == city + WARD and other.get_by_role("heading", level=1).inner_text() == "Ward 3"
        other.goto(f"{city}/places/city-hospital/bar")
        assert other.get_by_role("heading", level=1).inner_text() == "This page is not open to you"
        page.get_by_role("link", name="fia@city.example").click()
        press(page, "Take it out of use")
        assert "logged out" in page.get_by_role("status").inner_text()
        other.goto(city + WARD)
        assert other.get_by_role("heading", level=1).inner_text() == "You are not logged in any more"
        other.locator("main .button").click()
        log_in(other, "fia@city.example")
        assert "wrong" in other.get_by_role("alert").inner_text()
        press(page, "Log out")
        page.wait_for_url("**/login")
        page.goto(f"{city}/users")
        assert "/login" in page.url


def test_a_form_of_another_browser_and_too_many_attempts(browser: Browser, city: str) -> None:
    with opened(browser, f"{city}/login") as page:
        page.context.clear_cookies()
        log_in(page, "anna")
        assert page.get_by_role("heading", level=1).inner_text() == "This form is too old"
        for _ in range(NAME_AT_ONCE + 1):
            page.goto(f"{city}/login")
            log_in(page, "nobody", "x")
        assert page.get_by_role("heading", level=1).inner_text() == "Too many wrong passwords"


def test_log_in_at_the_issuer(browser: Browser, city: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{city}{WARD}")
    page.get_by_role("link", name="Log in with City log-in").click()
    page.wait_for_url(city + WARD)
    assert page.get_by_role("link", name="eva@city.example").is_visible()
    context.close()
