"""The visitor's form in a real browser: a phone, without script, without network, and in somebody else's web page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from looking import SCREENS, check_accessible, check_width, opened, picture, served
from playwright.sync_api import Browser, Page, expect
from served_world import World
from sqlalchemy import delete, select
from test_visitor import CITY, MORE

from hymio.pages import visitor_form
from hymio.pages.app import pages_app
from hymio.store import schema
from hymio.store.consents import add_consent

PATIENCE_MS = 20_000.0


class Phones:
    """A server that can be asked by browsers."""

    def __init__(self, world: World, url: str) -> None:
        self.world, self.url = world, url

    def kept(self) -> list[Any]:
        with self.world.store.reading() as connection:
            return list(connection.execute(select(schema.answers)))


@pytest.fixture(scope="module")
def phones_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phones]:
    world = World(str(tmp_path_factory.mktemp("phones") / "votes.db"), CITY + MORE)
    with world.store.writing() as connection:
        add_consent(
            connection, world.ids()["city"], {"en": "You may write to me.", "fi": "Minulle saa kirjoittaa."}, 1.0
        )
    with pytest.MonkeyPatch.context() as patch, served(pages_app(world.store)) as url:
        patch.setattr(visitor_form, "FAST_S", 0.0)  # a browser that is driven is faster than people
        yield Phones(world, url)
    world.store.close()


@pytest.fixture
def phones(phones_of_all: Phones) -> Phones:
    with phones_of_all.world.store.writing() as connection:
        for table in (schema.contacts, schema.answers):
            connection.execute(delete(table))
    return phones_of_all


@pytest.mark.parametrize(("theme", "code"), [("light", "en"), ("dark", "fi")])
def test_everybody_can_use_it(phones: Phones, browser: Browser, theme: Any, code: str) -> None:
    with opened(browser, f"{phones.url}/f/n-two?lang={code}", viewport=SCREENS["phone"], color_scheme=theme) as page:
        page.locator("summary").click()
        page.locator(".unhappy").first.check()
        check_accessible(page)
        check_width(page)
        picture(page, f"visitor-{code}-{theme}")


def choose(page: Page, face: int, text: str = "") -> None:
    page.locator(f".answers.four input[value='{face}']").check()
    if text:
        page.get_by_label("Would you like to tell us more?").fill(text)


def arrived(page: Page) -> None:
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.parametrize("has_script", [True, False])
def test_an_answer_arrives_with_and_without_script(phones: Phones, browser: Browser, has_script: bool) -> None:
    with opened(
        browser, f"{phones.url}/f/n-one", viewport=SCREENS["phone"], java_script_enabled=has_script, locale="en"
    ) as page:
        reasons = page.get_by_label("The waiting")
        expect(reasons).to_be_hidden()
        choose(page, 4)
        expect(page.get_by_label("Kindness")).to_be_visible()
        choose(page, 1, "Too slow")
        expect(page.get_by_label("Kindness")).to_be_hidden()
        reasons.check()
        page.get_by_role("button", name="Send").click()
        arrived(page)
        if has_script:
            assert (
                page.evaluate("localStorage.getItem('hymio answers')") == "[]"
                and page.evaluate("document.cookie") == ""
            )
        picture(page, f"visitor-thanks-{has_script}")
    (row,) = phones.kept()
    with phones.world.store.reading() as connection:
        options = schema.follow_up_options.c
        waiting = connection.execute(select(options.id).where(options.key == "waiting")).scalar()
    assert (row.face, row.options, row.text, row.verdict, row.reason, row.via) == (
        1, f"[{waiting}]", "Too slow", "counted", None, "qr",
    )  # fmt: skip


def test_a_browser_that_keeps_nothing_sends_it_by_itself(phones: Phones, browser: Browser) -> None:
    context = browser.new_context(viewport=SCREENS["phone"], locale="en")
    context.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })")
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{phones.url}/f/n-one")
    choose(page, 3)
    page.get_by_role("button", name="Send").click()
    arrived(page)
    context.close()
    assert [row.face for row in phones.kept()] == [3] and not said


def test_a_fault_is_shown_and_what_was_written_stays(phones: Phones, browser: Browser) -> None:
    with opened(browser, f"{phones.url}/f/n-one?lang=en", viewport=SCREENS["phone"]) as page:
        choose(page, 2, "Cold")
        page.locator("summary").click()
        page.get_by_label("E-mail address or telephone number").fill("eva@x.example")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("alert")).to_contain_text("May we keep your address?", timeout=PATIENCE_MS)
        check_accessible(page)
        page.get_by_label("You may write to me.").check()
        page.get_by_role("button", name="Send").click()
        arrived(page)
    assert [(row.face, row.text) for row in phones.kept()] == [(2, "Cold")]


def test_without_network_it_is_kept_and_sent_once(phones: Phones, browser: Browser) -> None:
    context = browser.new_context(viewport=SCREENS["phone"], locale="en")
    page = context.new_page()
    page.goto(f"{phones.url}/f/n-one")
    choose(page, 1, "In the lift")
    context.set_offline(True)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#kept")).to_be_visible(timeout=PATIENCE_MS)
    picture(page, "visitor-offline")
    page.close()
    assert not phones.kept()
    # The visitor has closed the page, and scans another code a while later: the first answer goes now.
    context.set_offline(False)
    other = context.new_page()
    other.goto(f"{phones.url}/f/n-two")
    other.wait_for_function("localStorage.getItem('hymio answers') === '[]'", timeout=PATIENCE_MS)
    (row,) = phones.kept()
    assert (row.text, row.verdict) == ("In the lift", "counted") and row.answered_utc < row.received_utc - 0.1
    choose(other, 4)
    # The answer to it is lost on its way: the phone sends it again.
    lost = []

    def lose(route: Any) -> None:
        lost.append(route.fetch())
        route.abort()

    other.route("**/f/n-two", lose, times=1)
    other.get_by_role("button", name="Send").click()
    arrived(other)
    assert len(lost) == 1 and lost[0].status == 200 and len(phones.kept()) == 2
    context.close()


@contextmanager
def shop(url: str) -> Iterator[str]:
    """A web page of somebody else, at another origin, with a strict policy."""
    page = f"""<!doctype html><html lang="en"><title>Shop</title><main><h1>Thank you for your order</h1>
        <script src="{url}/widget.js" data-place="n-one" data-lang="en" data-title="Your opinion" async></script>
        </main>"""
    policy = f"default-src 'none'; script-src {url}; frame-src {url}"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/html"), (b"content-security-policy", policy.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": page.encode()})

    with served(app) as address:
        yield address


def test_it_stands_in_a_web_page_of_another_origin(phones: Phones, browser: Browser) -> None:
    with shop(phones.url) as address:
        context = browser.new_context(viewport=SCREENS["desktop"])
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda one: said.append(one.text) if one.type in ("error", "warning") else None)
        page.goto(address)
        frame = page.frame_locator("iframe[title='Your opinion']")
        frame.get_by_label("very happy").check(timeout=PATIENCE_MS)
        page.wait_for_function(
            "document.querySelector('iframe').getBoundingClientRect().height !== 480", timeout=PATIENCE_MS
        )
        picture(page, "visitor-widget")
        frame.get_by_role("button", name="Send").click()
        expect(frame.get_by_role("heading", name="Thank you!")).to_be_visible(timeout=PATIENCE_MS)
        assert not [one for one in said if "favicon" not in one], said
        check_accessible(page)
        assert context.cookies() == []
        # Only that variant of the page lets itself be put into another one.
        page.evaluate(f"document.querySelector('iframe').src = '{phones.url}/f/n-one'")
        page.wait_for_timeout(500)
        assert any("frame-ancestors" in one for one in said), said
        context.close()
    (row,) = phones.kept()
    assert (row.face, row.via, row.verdict, row.reason) == (4, "digital", "counted", None)
