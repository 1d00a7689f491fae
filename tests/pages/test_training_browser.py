"""The on-screen terminal in a real browser: by pointer, by key, by what a screen reader does; in each language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hymio_process import service
from looking import SCREENS, check_accessible, check_width, opened, picture
from playwright.sync_api import Browser, Locator, Page, expect

from hymio.locale.language import LOCALES

PATIENCE_MS = 60_000.0

# Fingers stay until their press has been noticed: a busy computer lets the terminal sleep through a short one.
# A light is on for a second, and a new terminal may be ready half a second after the old one: a look every now and then
# would miss them on a busy computer. The browser itself notes each state.
NOTE_STATES = """element => {
  element.dataset.was = "";
  const note = () => { element.dataset.was += `${element.className} ${element.disabled ? "off" : ""};`; };
  new MutationObserver(note).observe(element, { attributeFilter: ["class", "disabled"] });
}"""


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page, with the firmware on its VM, a broker and a collector behind it."""
    db: Path = tmp_path_factory.mktemp("training") / "training.db"
    with service("serve", "--db", str(db), "--training", "--listen", "127.0.0.1:0", "--json") as running:
        yield running.wait_for("ready")["url"] + "/training"
        assert running.stop() == 0 and running.stderr == []


def is_ready(page: Page) -> None:
    expect(page.locator("#power")).to_be_enabled(timeout=PATIENCE_MS)


def renew(page: Page) -> None:
    """Puts a new terminal there: the one before has the presses of those who came before."""
    is_ready(page)
    power = page.locator("#power")
    power.evaluate(NOTE_STATES)
    page.locator('[data-renew="new"]').click()
    has_been(power, "off;")
    is_ready(page)


def has_been(element: Locator, state: str) -> None:
    """Waits until an element whose states are noted has had that one."""
    expect(element).to_have_attribute("data-was", re.compile(state), timeout=PATIENCE_MS)


def arrived(page: Page) -> None:
    """Waits until the terminal knows that its newest press has arrived."""
    expect(page.locator("#way tbody tr").first.locator("td.reached")).to_have_count(5, timeout=PATIENCE_MS)


def newest(page: Page, *said: str) -> None:
    """Waits until the newest press has come so far: its cells hold these words."""
    row = page.locator("#way tbody tr").first
    for words in said:
        expect(row).to_contain_text(words, timeout=PATIENCE_MS)


def test_everybody_can_use_it(browser: Browser, training: str) -> None:
    with opened(browser, f"{training}?lang=en", reduced_motion="reduce") as page:
        is_ready(page)
        page.keyboard.down("4")
        arrived(page)
        page.keyboard.up("4")
        for code in LOCALES:
            if code != "en":  # the same terminal, with its flash
                page.goto(f"{training}?lang={code}")
                is_ready(page)
            assert page.locator("html").get_attribute("lang") == code
            page.locator("summary").click()
            for screen, size in SCREENS.items():
                page.set_viewport_size(size)
                page.emulate_media(color_scheme="dark" if screen == "phone" else "light")
                check_width(page)
                if screen != "wall":
                    check_accessible(page, but="#ring g")  # 1,260 cells of one picture
                picture(page, f"training-{code}-{screen}")


def by_pointer(page: Page) -> None:
    page.locator('.press[data-button="3"]').hover()
    page.mouse.down()
    newest(page, "Happy", "counted")
    page.mouse.up()


def by_key(page: Page) -> None:
    page.locator('.press[data-button="3"]').focus()
    page.keyboard.down("Space")
    newest(page, "held down", "counted")
    page.keyboard.up("Space")


def by_screen_reader(page: Page) -> None:
    """It can't stay on a button, so on a busy computer it may take more than one try."""
    in_flash = page.locator("#way tbody tr td.reached").first
    for _ in range(10):
        page.locator('.press[data-button="3"]').evaluate("button => button.click()")
        newest(page, "Happy, 120 ms")
        try:
            expect(in_flash).to_be_visible()
        except AssertionError:
            continue
        return


# Each upon a new terminal: one that counts is sent at once, but another one so soon after it may be none, and waits.
@pytest.mark.parametrize("press", [by_pointer, by_key, by_screen_reader])
def test_a_press_of_any_kind_gets_to_the_database(
    browser: Browser, training: str, press: Callable[[Page], None]
) -> None:
    with opened(browser, training, viewport=SCREENS["desktop"]) as page:
        renew(page)
        press(page)
        expect(page.locator("#ledger")).to_have_class("ledger balanced", timeout=PATIENCE_MS)
        expect(page.locator('[data-figure="rows"]')).to_have_text("1", timeout=PATIENCE_MS)
        expect(page.locator("#said")).to_contain_text("Everything has arrived", timeout=PATIENCE_MS)
        expect(page.locator(".cell.v-3")).to_have_count(1)


def test_the_light_follows_the_flash_and_the_wires_do_what_they_say(browser: Browser, training: str) -> None:
    with opened(browser, training, viewport=SCREENS["desktop"]) as page:
        renew(page)
        button = page.locator('.press[data-button="4"]')
        button.evaluate(NOTE_STATES)
        page.keyboard.down("4")
        has_been(button, "press down lit")
        page.keyboard.up("4")
        expect(button).to_have_class("press", timeout=PATIENCE_MS)
        arrived(page)
        page.locator("#wifi").click()
        expect(page.locator("#wifi")).to_have_text("Restore the Wi-Fi", timeout=PATIENCE_MS)
        page.keyboard.down("2")
        expect(page.locator("#outbox")).to_have_text("1", timeout=PATIENCE_MS)
        page.keyboard.up("2")
        page.locator("#power").click()
        expect(page.locator("#power")).to_have_text("Put the battery back", timeout=PATIENCE_MS)
        page.keyboard.press("1", delay=60)
        newest(page, "no power")
        page.locator("#power").click()
        ready = "Ready: a press is judged from now on."
        expect(page.locator("#said p").last).to_contain_text(ready, timeout=PATIENCE_MS)
        expect(page.locator("#outbox")).to_have_text("1")
        page.locator("#wifi").click()
        expect(page.locator("#outbox")).to_have_text("0", timeout=PATIENCE_MS)


def test_a_press_is_seen_on_the_dashboard(browser: Browser, training: str) -> None:
    """Fewer than five answers show nothing, so there are four before."""

    def press(page: Page) -> None:
        rows = page.locator("#way tbody tr td.reached:nth-of-type(2)")
        before = rows.count()
        page.keyboard.down("4")
        expect(rows).to_have_count(before + 1, timeout=PATIENCE_MS)
        page.keyboard.up("4")

    with opened(browser, training, viewport=SCREENS["desktop"]) as page:
        renew(page)
        for _ in range(4):
            press(page)
            page.wait_for_timeout(6000)  # so long that it is somebody else
        expect(page.locator("#said")).to_contain_text("Everything has arrived", timeout=PATIENCE_MS)
        dashboard = page.context.new_page()
        dashboard.goto(f"{training.removesuffix('/training')}/lone/training-1?period=day")
        expect(dashboard.locator("#live")).to_have_attribute("data-state", "on", timeout=PATIENCE_MS)
        found = dashboard.locator(".answers")
        before = int(found.inner_text().split()[0]) if found.count() else 4
        page.bring_to_front()
        press(page)
        expect(found).to_contain_text(f"{before + 1} answers", timeout=PATIENCE_MS)


def test_single_keys_can_be_turned_off_and_a_new_terminal_is_a_new_beginning(browser: Browser, training: str) -> None:
    with opened(browser, training, viewport=SCREENS["desktop"], reduced_motion="reduce") as page:
        is_ready(page)
        page.locator("#by-keys").uncheck()
        page.keyboard.press("1", delay=60)
        page.locator("#by-keys").check()
        page.keyboard.press("2", delay=60)
        newest(page, "Unhappy")
        expect(page.locator("#way tbody tr")).to_have_count(1)
        renew(page)
        expect(page.locator("#way tbody tr")).to_have_count(0)
        expect(page.locator(".cell.v-2")).to_have_count(0)
        expect(page.locator("#said")).not_to_contain_text("erased")
