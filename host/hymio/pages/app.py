"""The pages as one ASGI application, beside the API.

A view is a function from a PageReader to a PageOf; it runs in a thread of its own, so it may ask the database. Each
page has its twin in JSON at the same address: with .json, or where the Accept header asks for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from threading import Thread
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hymio.pages.assets import PREFIX, answer_asset
from hymio.pages.dashboard import Dashboard
from hymio.pages.errors import Refused, answer_error
from hymio.pages.gate import LOGIN, Form, Gate
from hymio.pages.invited import InvitedVisitors
from hymio.pages.live import LiveFigures
from hymio.pages.oidc import BACK, Oidc
from hymio.pages.reader import KnownSites, PageOf, PageReader, reader_language, remember_choice, wants_json
from hymio.pages.render import rendered
from hymio.pages.security_headers import SecurityHeaders
from hymio.pages.views import nps, places, presses, texts
from hymio.pages.views.accounts import ACCOUNT, USERS, AccountPages
from hymio.pages.views.actions import ACTIONS, ActionPages
from hymio.pages.views.alerts import ALERTS, RULES, AlertPages
from hymio.pages.views.cases import CASES, CasePages
from hymio.pages.views.channels import CHANNELS, DELIVERIES, ChannelPages
from hymio.pages.views.misuse import MisusePages
from hymio.pages.views.reports import REPORTS, ReportPages
from hymio.pages.views.screens import SCREENS, ScreenPages
from hymio.pages.views.terminals import TERMINALS, TerminalPages, TextLog
from hymio.pages.visitor import Visitors
from hymio.pages.wall_live import Walls
from hymio.store.database import Store

View = Callable[[PageReader], PageOf | Response]


@dataclass(frozen=True, slots=True)
class PageOptions:
    """What pages may have beside a database."""

    oidc: Oidc | None = None
    """Who else vouches for people that log in."""
    always_log_in: bool = False
    """Whether even who sits at this computer does so, and there is no account yet."""
    text_log: TextLog | None = None
    """Asks a terminal for its text log; None: there is no way to them."""
    sends_mail: bool = False
    """Whether this server sends the reports that are due by e-mail."""
    is_ending: Callable[[], bool] = lambda: False
    """Whether the server ends: what goes on without end ends then."""
    url: str = ""
    """How people reach the pages, for links in messages; empty: that is not known."""
    now_utc: Callable[[], float] = time.time
    """The moment that figures are of, in seconds of 1970."""
    may_be_inside: bool = False
    """Whether webhooks that are made on a page may lead into our own network."""
    has_training: bool = False
    """Whether the API has terminals on the screen."""


API_PATHS: Final = ("/v2", "/api")
"""What is below these is the API's; everything else is a page's, ..."""
TRAINING_PATHS: Final = ("/training", "/training.json")
"""... but the terminals on the screen, where there are any: they have a WebSocket and a door of their own."""


def mount_pages(api: ASGIApp, store: Store, more: PageOptions = PageOptions()) -> ASGIApp:
    """The API and the pages as one application.

    The pages stand beside the API's guard, not behind it: people have other keys than programs.
    """
    pages = pages_app(store, more)
    elsewhere = (*API_PATHS, *(TRAINING_PATHS if more.has_training else ()))

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "lifespan":
            Thread(target=pages.state.dashboard.warm_up, daemon=True).start()
        is_api = scope["type"] == "lifespan" or any(path == one or path.startswith(f"{one}/") for one in elsewhere)
        await (api if is_api else pages)(scope, receive, send)

    return both


def pages_app(store: Store, more: PageOptions = PageOptions()) -> Starlette:
    """The pages of a database."""
    sites, gate = KnownSites(store), Gate(store, more.always_log_in)
    dashboard = Dashboard(store, sites, more.now_utc)
    live = LiveFigures(dashboard, more.is_ending)
    terminals = TerminalPages(gate.now_utc, more.text_log)
    accounts = AccountPages(gate, more.oidc)
    actions, misuse = ActionPages(gate.now_utc), MisusePages()
    alerts = AlertPages(store, more.now_utc, more.url)
    cases, channels = CasePages(gate.now_utc), ChannelPages(gate.now_utc, more.may_be_inside)
    screens, reports = ScreenPages(gate.now_utc), ReportPages(gate.now_utc, more.sends_mail)

    def page(path: str, view: View, post: View | None = None, is_open: bool = False) -> Iterator[Route]:
        """The routes of a page.

        Args:
            path: where it is.
            view: makes it.
            post: takes its forms, if it has any.
            is_open: whether it is for those, too, who are not logged in.
        """

        async def answer(request: Request) -> Response:
            what = _Asked(
                request, gate, sites, alerts, view if request.method != "POST" or post is None else post, is_open
            )
            form: Form = {}
            if request.method == "POST":
                try:
                    form = await gate.form(request)
                except Refused as refused:
                    # Whoever is logged out has no form of ours: that is what they are told then.
                    return await run_in_threadpool(what.refused, refused)
            return await run_in_threadpool(what.answered, form)

        methods = ["GET"] if post is None else ["GET", "POST"]
        # First the twin: a place's key would match "ward-3.json" too.
        yield Route(path + (".json" if path != "/" else "index.json"), answer, methods=methods)
        yield Route(path, answer, methods=methods)

    def listening(path: str) -> Route:
        async def answer(request: Request) -> Response:
            def reader() -> PageReader:
                return PageReader(request, store, reader_language(request), gate.access(request), sites.now)

            try:
                return await live.answer(await run_in_threadpool(reader), lambda: gate.access(request))
            except Exception as error:  # whatever it is, it gets a page
                return answer_error(request, error)

        return Route(path + "/live", answer)

    shown = (
        ("/places/{organisation}", places.organisation),
        ("/places/{organisation}/{place}", places.place),
        ("/lone/{terminal}", places.terminal),
    )
    app = Starlette(
        routes=[
            Route(PREFIX + "{name:path}", answer_asset),
            *Walls(store, sites, more.is_ending, more.now_utc).routes(),
            *Visitors(store, sites, gate.signer, more.now_utc).routes(),
            *InvitedVisitors(store, sites, gate.signer, more.now_utc).routes(),
            *page("/", places.start),
            *(listening(path) for path, _ in shown),
            *(route for path, _ in shown for route in page(path + "/presses", presses.presses)),
            *(route for path, _ in shown[:2] for route in page(path + "/texts", texts.texts, texts.post_texts)),
            *(route for path, _ in shown[:2] for route in page(path + "/nps", nps.nps)),
            *(route for path, _ in shown[:2] for route in page(path + "/misuse", misuse.misuse)),
            *(route for path, view in shown for route in page(path, view)),
            *page(RULES, alerts.rules, alerts.post_rules),
            *page(RULES + "/{rule}", alerts.rule, alerts.post_rule),
            *page(ALERTS, alerts.alerts),
            *page(ALERTS + "/{alert}", alerts.alert, alerts.post_alert),
            *page(TERMINALS, terminals.terminals),
            *page(TERMINALS + "/{terminal}", terminals.terminal, terminals.post_terminal),
            *page(CASES, cases.cases),
            *page(CASES + "/{case}", cases.case, cases.post_case),
            *page(ACTIONS, actions.actions, actions.post_actions),
            *page(ACTIONS + "/{action}", actions.action, actions.post_action),
            *page(CHANNELS, channels.channels, channels.post_channels),
            *page(DELIVERIES, channels.deliveries, channels.post_deliveries),
            *page(SCREENS, screens.screens, screens.post_screens),
            *page(REPORTS, reports.reports, reports.post_reports),
            *page(LOGIN, accounts.log_in, accounts.post_log_in, is_open=True),
            *page("/login/oidc", accounts.to_issuer, is_open=True),
            *page(BACK, accounts.from_issuer, is_open=True),
            *page("/logout", accounts.account, accounts.log_out),
            *page(ACCOUNT, accounts.account, accounts.post_account),
            *page(USERS, accounts.users, accounts.post_users),
            *page(USERS + "/{user}", accounts.user, accounts.post_user),
        ],
        middleware=[Middleware(SecurityHeaders), Middleware(GZipMiddleware, minimum_size=500)],
        exception_handlers={HTTPException: answer_error},
    )
    # It would send people to an absolute address: whatever Host says, and without the TLS of a proxy.
    app.router.redirect_slashes = False
    app.state.dashboard = dashboard
    return app


@dataclass(frozen=True)
class _Asked:
    """A request for a page; what follows runs in a thread, since it asks the database."""

    request: Request
    gate: Gate
    sites: KnownSites
    alerts: AlertPages
    view: View
    is_open: bool

    def refused(self, refused: Refused) -> Response:
        try:
            if not self.is_open:
                self.gate.access(self.request)
        except Exception as error:
            return answer_error(self.request, error)
        return answer_error(self.request, refused)

    def answered(self, form: Form) -> Response:
        request, gate = self.request, self.gate
        try:
            if any("\0" in said for said in (request.scope["path"], *request.query_params.values())):
                raise Refused(400)  # PostgreSQL takes none, and no page asks for one
            access = gate.access_or_nobody(request) if self.is_open else gate.access(request)
            reader = PageReader(request, gate.store, reader_language(request), access, cache(self.sites.now), form)
            token = gate.token(request)
            page = self.view(reader)
            if isinstance(page, Response):
                answer = page
            elif wants_json(request):
                answer = JSONResponse(dict(page.values), page.status)
            else:
                waiting = self.alerts.waiting(reader)
                values = {**page.values, **page.around, "url": request.url, "access": access, "form_key": token}
                values["waiting_alerts"] = waiting
                answer = HTMLResponse(rendered(page.template, reader.language, values), page.status)
            token.remember(request, answer)
        except Exception as error:  # whatever it is, it gets a page
            return answer_error(request, error)
        # What a form brings about may be secret, and is shown once.
        answer.headers["Cache-Control"] = "no-store" if request.method == "POST" else "private, no-cache"
        answer.headers["Content-Language"] = reader.language.code
        answer.headers.add_vary_header("Accept, Accept-Language, Cookie")
        remember_choice(request, answer)
        return answer
