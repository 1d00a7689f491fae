"""Every page in a real Chromium, for everybody: in each language, on a phone and a desktop, in light and dark.

Which pages there are is read from the application: one that nobody has named here fails.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from accounts_world import PASSWORD, add, cheap_hashes
from demo_world import NOW_UTC, Fingers, demo_store
from hymio_process import hymio_here
from looking import SCREENS, check_accessible, check_width, opened, picture, served
from oidc_provider import CLIENT, SECRET
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sites import HOSPITAL
from sqlalchemy import Connection, insert, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from test_terminals import LEDGER, NOW, STATES
from test_terminals_browser import LOG

from hymio.alerting.grounds import Grounds
from hymio.alerting.making import RuleWish, make_rule
from hymio.alerting.rules import RuleKind
from hymio.common.roles import Role
from hymio.locale.language import LOCALES
from hymio.pages import errors
from hymio.pages.app import PageOptions, pages_app
from hymio.pages.assets import PREFIX
from hymio.pages.errors import LogInFirst, Refused, answer_error
from hymio.pages.oidc import BACK, Oidc, OidcSettings
from hymio.pages.reader import reader_language
from hymio.pages.render import environment
from hymio.pages.security_headers import HEADERS
from hymio.store import schema
from hymio.store.actions import NewAction, add_action
from hymio.store.alerts import NewAlert, acknowledge_alert, close_alert, raise_alert
from hymio.store.care_cases import CaseChange, case_of_number, change_case
from hymio.store.channels import FAMILIES, ChannelKind, ChannelWish, make_channel
from hymio.store.database import Store
from hymio.store.invitations import Invitee, Links, NewBatch, invite
from hymio.store.report_schedules import NewSchedule, add_schedule
from hymio.store.visitor_answers import Contact, SurveyAnswer, VisitorForm, take_form
from hymio.store.wall_links import create_link
from hymio.training.router import Training, training_router

GALLERY = Path(__file__).with_name("gallery.html")
TOWN = "/places/harbour-town"

PAGES = {
    "/": "/",
    "/places/{organisation}": f"{TOWN}?period=month",
    "/places/{organisation}/{place}": f"{TOWN}/reception?period=month&changed=2026-01-20",
    "/places/{organisation}/misuse": f"{TOWN}/misuse",
    "/places/{organisation}/{place}/misuse": f"{TOWN}/reception/misuse?lockout=2",
    "/places/{organisation}/presses": "/places/city-hospital/presses",
    "/places/{organisation}/{place}/presses": f"{TOWN}/health/presses?period=week&face=1",
    "/places/{organisation}/texts": f"{TOWN}/texts",
    "/places/{organisation}/{place}/texts": f"{TOWN}/reception/texts",
    "/places/{organisation}/nps": f"{TOWN}/nps?period=month",
    "/places/{organisation}/{place}/nps": f"{TOWN}/reception/nps?period=quarter",
    "/lone/{terminal}": "/lone/lone-7?period=day",
    "/lone/{terminal}/presses": "/lone/lone-7/presses",
    "/alerts": "/alerts",
    "/alerts/{alert}": "/alerts/1",
    "/alerts/rules": "/alerts/rules?kind=negative",
    "/alerts/rules/{rule}": "/alerts/rules/1?trial=1",
    "/terminals": "/terminals?sort=unsent",
    "/terminals/{terminal}": "/terminals/till-3",
    "/login": "/login?next=/users",
    "/logout": "/logout",
    "/account": "/account?done=password",
    "/users": "/users?done=added",
    "/users/{user}": "/users/2",
    "/actions": "/actions?done=removed",
    "/actions/{action}": "/actions/1?done=published",
    "/cases": "/cases?show=all",
    "/cases/{case}": "/cases/1",
    "/channels": "/channels?done=added",
    "/deliveries": "/deliveries?done=retried",
    "/screens": "/screens?done=revoked",
    "/reports": "/reports?done=added",
    "/wall/{secret}": "/wall/SECRET",
    "/f/{place}": "/f/reception",
    "/i/{secret}": "/i/INVITED",
    "/i/{secret}/stop": "/i/INVITED/stop",
    "/f/{organisation}/{place}": "/f/city-hospital/ward-3",
}
"""For each route, what is looked at."""
STATES_OF_PAGES = {
    "a group where nothing was pressed": "/places/city-hospital/wards",
    "a day on which nobody came": f"{TOWN}/reception?period=day&on=2026-03-01",
    "all parts of pages": "/gallery",
    "an error": "/error/404",
    "a session that has ended": "/error/401",
}
OPEN = ("/login", "/wall/{secret}", "/f/{place}", "/f/{organisation}/{place}", "/i/{secret}", "/i/{secret}/stop")
"""Pages of somebody who is not logged in."""
ELSEWHERE = ("/login/oidc", BACK)
"""Addresses that show nothing of ours: they lead to the issuer and back."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, str]]:
    """A database in which every page has something to show, and the secret of a screen."""
    folder = tmp_path_factory.mktemp("world")
    store = demo_store(folder)
    try:
        with cheap_hashes():
            yield store, fill(store, folder)
    finally:
        store.close()


def fill(store: Store, folder: Path) -> str:
    (folder / "site.toml").write_text(HOSPITAL, encoding="utf-8")
    done = hymio_here("site", "import", str(folder / "site.toml"), "--db", str(folder / "demo.db"))
    assert done.returncode == 0, done.stderr
    Fingers(store, "lone-7").press(4, 4, 3, 3, 2, 1)
    add(store, "anna", Role.ADMIN)
    add(store, "bo@city.example", Role.MANAGER, "wards", "harbour-town/library")
    add(store, "cia", Role.VIEWER, "bar")
    moved = time.time() - NOW
    with store.writing() as connection:
        for device_id, state in STATES.items():
            now = {name: value + moved for name, value in state.items() if name.endswith("_utc")}
            row = {"device_id": device_id, **state, **now}
            which = schema.terminal_states.c.device_id == device_id
            connection.execute(schema.terminal_states.delete().where(which))
            connection.execute(insert(schema.terminal_states).values(row))
        zeros = dict.fromkeys(("next_seq", "oldest_seq", "cursor_seq", "duplicates", "conflicts"), 0)
        for device_id, (pressed, rows, lost) in LEDGER.items():
            sums = {"pressed": pressed, "presses": rows, "lost": lost, "first_seen_utc": 1.0, "last_seen_utc": NOW}
            connection.execute(insert(schema.logs).values(device_id=device_id, log_id=1, **zeros, **sums))
        connection.execute(schema.users.update().where(schema.users.c.id == 3).values(disabled_utc=NOW))
        town = {"organisation_id": 1, "node_id": None}
        _, secret = create_link(
            connection, "Lobby, on the left", **town, survey_id=None, created_by="anna", now_utc=NOW
        )
        for every, trouble in (("week", None), ("day", "mail.example: 550 no such mailbox")):
            new = NewSchedule(
                **town, every=every, locale="fi", format="pdf", kind="email", recipient=f"{every}@city.example",
                created_by="anna", created_utc=NOW, sent_through="2026-03-01",
            )  # fmt: skip
            number = add_schedule(connection, new).id
            which = schema.report_schedules.c.id == number
            connection.execute(schema.report_schedules.update().where(which).values(sent_utc=NOW, trouble=trouble))
        tell(connection)
        connection.execute(schema.users.update().where(schema.users.c.id == 1).values(last_login_utc=NOW))
    return secret


def tell(connection: Connection) -> None:
    """Cases, an open one and a closed one, and messages of them: taken, waiting and given up."""
    node_id = connection.execute(select(schema.nodes.c.id).where(schema.nodes.c.key == "reception")).scalar_one()
    surveys = connection.execute(select(schema.surveys.c.id).where(schema.surveys.c.organisation_id == 1)).scalars()
    consent = {"organisation_id": 1, "version": 1, "texts": "{}", "from_utc": 1.0}
    connection.execute(insert(schema.consents), [consent])
    for day, published in ((date(2026, 1, 20), True), (date(2026, 3, 1), False)):
        new = NewAction(1, node_id, day, "The soup is hot now.", "Since\nMonday.", published)
        add_action(connection, new, date(2026, 3, 3), "anna", NOW)
    for number, target in enumerate(("https://crm.example/in", "https://desk.example/in")):
        wish = ChannelWish(f"Desk {number}", ChannelKind.WEBHOOK, target, FAMILIES, "en", False)
        make_channel(connection, 1, None, wish, "anna", NOW)
    survey = next(iter(surveys))
    for number in range(3):
        contact = Contact(f"eva-{number}@example.org", 1, "Eva E.")
        form = VisitorForm(
            UUID(int=number + 1), node_id, [SurveyAnswer(survey, face=1)], NOW, NOW - number, "qr",
            text="The soup was cold.", contact=contact, external={"customer": f"C-{number}"},
        )  # fmt: skip
        take_form(connection, form)
    recommend(connection, node_id, survey)
    closed = case_of_number(connection, 2)
    assert closed is not None
    change_case(connection, closed, CaseChange(outcome="Rang her."), 1, "anna", NOW + 60)
    alarm(connection, node_id)
    row = schema.deliveries
    connection.execute(row.update().where(row.c.id == 1).values(due_utc=None, taken_utc=NOW))
    dead = {"due_utc": None, "dead_utc": NOW, "tries": 10, "trouble": "it answered 500"}
    connection.execute(row.update().where(row.c.id == 2).values(dead))


def alarm(connection: Connection, node_id: int) -> None:
    """A rule, and alerts of it: one that is open, one that somebody takes care of, one that is over."""
    wish = RuleWish(RuleKind.NEGATIVE, "Many unhappy", {"share": 30, "least": 5}, quiet="mon-sun 22:00-07:00")
    rule = make_rule(connection, Grounds(connection), 1, node_id, wish, "anna", NOW_UTC)
    counts = {"votes": 21, "unhappy": 13, "share": 61.9, "low": 40.9, "high": 79.2, "limit": 30}
    for number in range(3):
        began = NOW_UTC - 3600 * (3 - number)
        evidence = {**counts, "from_utc": began - 7200, "to_utc": began}
        raise_alert(connection, NewAlert(rule.id, node_id, None, f"vote {number}", evidence, began))
    acknowledge_alert(connection, 2, "Anna", "A second till is open", NOW_UTC - 60, closes=False)
    close_alert(connection, rule.id, "vote 2", NOW_UTC - 60)


def recommend(connection: Connection, node_id: int, survey: int) -> None:
    """Somebody who is invited, and twenty who have answered in this quarter and in the one before."""
    one = Invitee(survey, node_id, "a" * 64, "eva@example.org", "email", "Eva", "en", {})
    invite(connection, NewBatch("b", 1, "https://town.example", None, None, "anna", NOW_UTC), [one], 4e9, 0.0)
    rows = [
        {
            "answer_id": str(UUID(int=1000 + 100 * earlier + number)), "node_id": node_id, "survey_id": survey,
            "answered_utc": NOW_UTC - earlier * 90 * 86_400, "received_utc": NOW_UTC, "via": "email",
            "score": number % 11, "person": str(number), "verdict": "counted",
        }
        for number in range(20) for earlier in (0, 1)
    ]  # fmt: skip
    connection.execute(insert(schema.answers), rows)


def invited(store: Store) -> str:
    """The secret of her link."""
    with store.reading() as connection:
        uid = connection.execute(select(schema.invitations.c.uid)).scalar_one()
        return Links.of(connection).secret(uid)


@pytest.fixture(scope="module")
def app(world: tuple[Store, str]) -> Starlette:
    oidc = Oidc(OidcSettings("http://127.0.0.1:1", CLIENT, SECRET, "http://127.0.0.1", "City log-in", None))
    return pages_app(world[0], PageOptions(oidc, text_log=lambda _: [LOG], now_utc=lambda: NOW_UTC))


def show_gallery(request: Request) -> Response:
    template = environment().from_string(GALLERY.read_text(encoding="utf-8"))
    values = {"url": request.url, "moment": datetime(2026, 3, 3, 14, 5)}
    return HTMLResponse(template.render(values, language=reader_language(request)), headers=HEADERS)


def show_error(request: Request) -> Response:
    status = request.path_params["status"]
    error: Exception = Refused(status)
    if status == 401:
        error = LogInFirst("/login", had_session=True)
    elif status == 500:
        error = RuntimeError("on purpose")
    return answer_error(request, error)


@pytest.fixture(scope="module")
def address(app: Starlette) -> Iterator[str]:
    """Where they are served, and beside them every error and all parts of pages."""
    around = Starlette(routes=[Route("/error/{status:int}", show_error), Route("/gallery", show_gallery)])
    around.mount("/", app)
    with served(around) as url:
        yield url


@pytest.fixture(scope="module")
def anna(browser: Browser, address: str) -> Iterator[dict[str, Any]]:
    """What the browser of an admin keeps."""
    context: BrowserContext = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/login")
    page.locator("#name").fill("anna")
    page.locator("#password").fill(PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    yield {"storage_state": context.storage_state()}
    context.close()


def pages_of(routes: Any) -> set[str]:
    """The addresses of pages: neither of files, nor of twins in JSON, nor of what is sent live."""
    paths = {route.path for route in routes if "GET" in (getattr(route, "methods", None) or ())}
    return {path for path in paths if not re.search(r"\.json$|\.js$|/live$|\{name:path\}$", path)}


def test_no_page_is_left_out(app: Starlette, tmp_path: Path) -> None:
    assert pages_of(app.routes) == {*PAGES, *ELSEWHERE}
    assert PREFIX + "{name:path}" in {route.path for route in app.routes if isinstance(route, Route)}
    # These are looked at in test_training_browser.py, with a terminal behind them.
    training = training_router(Training(app.state.dashboard.store, "", broker="127.0.0.1:1"))
    assert pages_of(training.routes) == {"/training"}


@pytest.mark.parametrize("name", [*PAGES, *STATES_OF_PAGES])
def test_everybody_can_use_it(
    browser: Browser, address: str, world: tuple[Store, str], anna: dict[str, Any], name: str
) -> None:
    path = (PAGES | STATES_OF_PAGES)[name].replace("SECRET", world[1]).replace("INVITED", invited(world[0]))
    url = f"{address}{path}{'&' if '?' in path else '?'}lang="
    with opened(browser, f"{url}en", reduced_motion="reduce", **({} if name in OPEN else anna)) as page:
        for code in LOCALES:
            if code != "en":
                page.goto(url + code)
            look(page, name, code)


def look(page: Page, name: str, code: str) -> None:
    assert page.locator("html").get_attribute("lang") == code
    assert page.locator("h1").count() == 1
    if page.locator("#rest").count():
        expect(page.locator("#rest:not(.waiting)")).to_be_attached(timeout=20_000)
    for screen, size in SCREENS.items():
        page.set_viewport_size(size)
        page.emulate_media(color_scheme="dark" if screen == "phone" else "light")
        check_width(page)
        broken = page.evaluate("[...document.images].filter(one => !one.naturalWidth).map(one => one.src)")
        assert broken == []
        if screen != "wall":
            check_accessible(page)
        picture(page, f"{re.sub('[^a-z]+', '-', name).strip('-') or 'start'}-{code}-{screen}")


@pytest.mark.parametrize("code", LOCALES)
def test_no_error_is_too_wide(browser: Browser, address: str, code: str) -> None:
    with opened(browser, f"{address}/error/404?lang={code}", viewport=SCREENS["phone"]) as page:
        for status in errors._SAID:
            page.goto(f"{address}/error/{status}")
            assert page.locator("html").get_attribute("lang") == code and page.locator("h1").count() == 1
            check_width(page)


def test_what_was_wrong_in_a_form_is_for_everybody(browser: Browser, address: str, anna: dict[str, Any]) -> None:
    for path in ("/screens", "/reports"):
        with opened(browser, address + path, java_script_enabled=True, **anna) as page:
            page.locator("main form.narrow").evaluate("form => { form.noValidate = true }")
            page.locator("main form.narrow button").click()
            assert page.locator("[aria-invalid]").count() == 1 and page.get_by_role("alert").is_visible()
            check_accessible(page)
            check_width(page)
            picture(page, f"wrong{path.replace('/', '-')}")


def test_a_link_is_made_and_opened_on_a_phone_without_scripts(
    browser: Browser, address: str, anna: dict[str, Any]
) -> None:
    settings = {"java_script_enabled": False, "viewport": SCREENS["phone"]}
    with opened(browser, address, **settings, **anna) as page:
        page.get_by_role("link", name="Screens").click()
        page.get_by_label("Name", exact=True).fill("Canteen")
        page.get_by_label("Place").select_option(label="\N{EM SPACE}Library")
        page.get_by_role("button", name="Make the link").click()
        assert page.get_by_role("heading", name="The link of Canteen").is_visible()
        check_width(page)
        picture(page, "screen-made")
        page.get_by_role("button", name="Revoke Lobby, on the left").click()
        assert page.get_by_role("status").inner_text() == "The screen shows nothing any more."
        assert page.get_by_role("rowheader").all_inner_texts() == ["Canteen"]
