"""Logging in and out, one's own password, and the accounts of others."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from hymio.common.roles import Role
from hymio.locale.sentence import Sentence, _
from hymio.pages.errors import Refused
from hymio.pages.forms import place_choices
from hymio.pages.gate import LOGIN, NEXT, Gate, safe_next
from hymio.pages.log_in import LogIns
from hymio.pages.oidc import LASTS_S, Oidc, OidcRefused
from hymio.pages.reader import PageOf, PageReader
from hymio.pages.signed import KNOWN, SESSION, cookie_name, drop_cookie, set_cookie
from hymio.store import audit
from hymio.store.accounts import (
    AccountError,
    Author,
    account_values,
    checked_email,
    checked_name,
    hash_of_checked,
    make_account,
    roots_named,
    set_disabled,
    set_password,
    set_role,
)
from hymio.store.passwords import SHORTEST
from hymio.store.sessions import SESSION_S, digest_of, end_session
from hymio.store.users import NewUser, User, all_users, normal_name, user_of_id, user_of_subject

_log = logging.getLogger(__name__)

OIDC_COOKIE: Final = "hymio_oidc"
"""The cookie of somebody who is logging in at an issuer."""
KNOWN_S: Final = 365 * 86_400.0
"""For so long a browser is known in which somebody has logged in."""
_RANDOM_BYTES: Final = 12
USERS: Final = "/users"
ACCOUNT: Final = "/account"

ROLES: Final = {
    Role.ADMIN: (_("Admin"), _("sees and does everything, everywhere")),
    Role.MANAGER: (_("Manager"), _("runs the named places, and sees single presses and terminals")),
    Role.VIEWER: (_("Viewer"), _("sees the figures of the named places")),
}
DONE: Final = {
    "added": _("The account is there. Its owner can log in now."),
    "role": _("The role and the places are changed."),
    "password": _("The password is changed. All other browsers are logged out."),
    "disabled": _("The account is out of use, and logged out."),
    "enabled": _("The account is in use again."),
}
"""What is said after a change, by what stands in the address then."""


class AccountPages:
    """The views; what they need beyond a reader is theirs."""

    def __init__(self, gate: Gate, oidc: Oidc | None = None) -> None:
        """Of a gate; oidc: who else vouches for people."""
        self._gate, self._oidc = gate, oidc
        self._log_ins = LogIns(gate.store, gate.now_utc)

    # Logging in and out

    def log_in(self, reader: PageReader) -> PageOf | Response:
        """The form; whoever is logged in goes on."""
        wanted = safe_next(reader.request.query_params.get(NEXT, "/"))
        if reader.access.user is not None:
            return RedirectResponse(wanted, 303)
        return self._log_in_form(wanted)

    def post_log_in(self, reader: PageReader) -> PageOf | Response:
        """Lets in who knows the password."""
        wanted, name = safe_next(reader.said(NEXT)), reader.said("name")
        # Blanks may be part of a password.
        password = next(iter(reader.form.get("password", ())), "")
        user = self._log_ins.known(reader.request, name, password, self._browser(reader, name))
        if user is None:
            return self._log_in_form(wanted, name, _("The name or the password is wrong."), 403)
        answer = self._let_in(reader, self._log_ins.let_in(user, "password"), wanted)
        known = self._gate.signer.signed(KNOWN, f"{_digest(user.name)}~{secrets.token_urlsafe(_RANDOM_BYTES)}")
        set_cookie(reader.request, answer, KNOWN, known, KNOWN_S)
        return answer

    def _browser(self, reader: PageReader, name: str) -> str | None:
        """By what a browser is told from others in which that name has logged in before."""
        kept = reader.request.cookies.get(cookie_name(reader.request, KNOWN))
        known = self._gate.signer.opened(KNOWN, kept)
        return known if known is not None and known.partition("~")[0] == _digest(normal_name(name)) else None

    def log_out(self, reader: PageReader) -> Response:
        """Ends the session of this browser."""
        session = self._gate.session_of(reader.request)
        if session is not None and reader.access.user is not None:
            with reader.store.writing() as connection:
                end_session(connection, session)
                audit.record(connection, "user.logout", {"name": reader.access.name}, reader.access.name)
        answer = RedirectResponse(LOGIN, 303)
        drop_cookie(reader.request, answer, SESSION)
        return answer

    def to_issuer(self, reader: PageReader) -> Response:
        """Sends somebody to log in where the organisation does it."""
        oidc = self._issuer()
        try:
            address, kept = oidc.begin(safe_next(reader.request.query_params.get(NEXT, "/")))
        except OidcRefused as error:
            raise self._refused(reader, error) from error
        answer = RedirectResponse(address, 303)
        signed = self._gate.signer.signed(OIDC_COOKIE, kept.encode().hex())
        set_cookie(reader.request, answer, OIDC_COOKIE, signed, LASTS_S)
        return answer

    def from_issuer(self, reader: PageReader) -> Response:
        """Lets in for whom the issuer vouches, and who has an account."""
        oidc, request = self._issuer(), reader.request
        kept = self._gate.signer.opened(OIDC_COOKIE, request.cookies.get(cookie_name(request, OIDC_COOKIE)))
        try:
            if kept is None:
                raise OidcRefused("it was not begun in this browser")
            with self._log_ins.counted(request) as right:
                vouched, wanted = oidc.finish(bytes.fromhex(kept).decode(), request.query_params)
                right()
        except OidcRefused as error:
            raise self._refused(reader, error) from error
        with reader.store.writing() as connection:
            user = user_of_subject(connection, vouched.issuer, vouched.subject, vouched.email)
        if user is None or user.disabled_utc is not None:
            whom = vouched.email or vouched.subject
            raise Refused(
                403,
                _("%(name)s has no account here", name=whom[:80]),
                _("Ask whoever manages the accounts of your organisation for one."),
            )
        answer = self._let_in(reader, self._log_ins.let_in(user, vouched.issuer), safe_next(wanted))
        drop_cookie(request, answer, OIDC_COOKIE)
        return answer

    def _issuer(self) -> Oidc:
        if self._oidc is None:
            raise Refused(404)
        return self._oidc

    def _refused(self, reader: PageReader, error: OidcRefused) -> Refused:
        name = self._issuer().settings.name
        _log.error("%s: %s: %s", reader.request.url.path, name, error)
        return Refused(
            403,
            _("%(name)s did not log you in", name=name),
            _("Try again from the log-in page. If it stays so, tell whoever runs this server."),
        )

    def _let_in(self, reader: PageReader, session: str, wanted: str) -> Response:
        answer = RedirectResponse(wanted, 303)
        set_cookie(reader.request, answer, SESSION, self._gate.signer.signed(SESSION, session), SESSION_S)
        return answer

    def _log_in_form(self, wanted: str, name: str = "", wrong: Sentence | None = None, status: int = 200) -> PageOf:
        other = None if self._oidc is None else self._oidc.settings.name
        around = {"next": wanted, "name": name, "wrong": wrong, "has_users": self._gate.has_users()}
        return PageOf("login.html", {"oidc": other}, around, status)

    # One's own account

    def account(self, reader: PageReader, wrong: Sentence | None = None) -> PageOf:
        """Who one is here, and one's password."""
        user = _self(reader)
        values = account_values(user, [site.stored for site in reader.known_sites()])
        return PageOf(
            "account.html",
            {"account": values},
            {**_said(reader, wrong), "least": SHORTEST, "roles": ROLES},
            400 if wrong else 200,
        )

    def post_account(self, reader: PageReader) -> PageOf | Response:
        """Changes one's own password."""
        user = _self(reader)
        old, new, again = (next(iter(reader.form.get(name, ())), "") for name in ("old", "new", "again"))
        # Whoever finds an open browser must not try passwords in it either.
        if self._log_ins.known(reader.request, user.name, old, self._browser(reader, user.name)) is None:
            return self.account(reader, _("The old password is wrong."))
        if new != again:
            return self.account(reader, _("The two new passwords are not the same."))
        try:
            hash_ = hash_of_checked(new, user.name)
        except AccountError as error:
            return self.account(reader, error.said)
        session = self._gate.session_of(reader.request)
        with reader.store.writing() as connection:
            set_password(connection, user, hash_, self._author(reader), digest_of(session or ""))
        return _done(ACCOUNT, "password")

    # The accounts of others

    def users(self, reader: PageReader, wrong: Sentence | None = None) -> PageOf:
        """All accounts, and a form for another one."""
        _need_admin(reader)
        with reader.store.reading() as connection:
            users = all_users(connection)
        sites = [site.stored for site in reader.known_sites()]
        return PageOf(
            "users.html",
            {"users": [account_values(one, sites) for one in users]},
            {
                **_said(reader, wrong),
                "roles": ROLES,
                "places": place_choices(reader),
                "typed": {
                    "places": _places(reader),
                    **{name: reader.said(name) for name in ("name", "email", "role", "by")},
                },
                "least": SHORTEST,
                "oidc": None if self._oidc is None else self._oidc.settings.name,
            },
            400 if wrong else 200,
        )

    def post_users(self, reader: PageReader) -> PageOf | Response:
        """Makes an account."""
        _need_admin(reader)
        sites = [site.stored for site in reader.known_sites()]
        by_issuer = self._oidc is not None and reader.said("by") == "oidc"
        try:
            name, role = checked_name(reader.said("name")), _role(reader)
            password = next(iter(reader.form.get("password", ())), "")
            new = NewUser(
                name,
                role,
                roots_named(sites, _places(reader), role),
                checked_email(reader.said("email")),
                None if by_issuer else hash_of_checked(password, name),
                self._oidc.settings.issuer if by_issuer and self._oidc is not None else None,
            )
            with reader.store.writing() as connection:
                make_account(connection, new, sites, self._author(reader))
        except AccountError as error:
            return self.users(reader, error.said)
        return _done(USERS, "added")

    def user(self, reader: PageReader, wrong: Sentence | None = None) -> PageOf:
        """One account, and what can be changed of it."""
        _need_admin(reader)
        with reader.store.reading() as connection:
            user = _asked_user(reader, connection)
        values = account_values(user, [site.stored for site in reader.known_sites()])
        return PageOf(
            "user.html",
            {"account": values},
            {**_said(reader, wrong), "roles": ROLES, "least": SHORTEST, "places": place_choices(reader)},
            400 if wrong else 200,
        )

    def post_user(self, reader: PageReader) -> PageOf | Response:
        """Changes an account."""
        _need_admin(reader)
        changes: dict[str, Callable[[Connection, User], None]] = {
            "role": lambda connection, user: self._set_role(reader, connection, user),
            "password": lambda connection, user: self._set_password(reader, connection, user),
            "disabled": lambda connection, user: set_disabled(connection, user, True, self._author(reader)),
            "enabled": lambda connection, user: set_disabled(connection, user, False, self._author(reader)),
        }
        change = reader.said("change")
        if change not in changes:
            raise Refused(400)
        try:
            with reader.store.writing() as connection:
                user = _asked_user(reader, connection)
                changes[change](connection, user)
        except AccountError as error:
            return self.user(reader, error.said)
        return _done(f"{USERS}/{user.id}", change)

    def _set_role(self, reader: PageReader, connection: Connection, user: User) -> None:
        role, sites = _role(reader), [site.stored for site in reader.known_sites()]
        roots = roots_named(sites, _places(reader), role)
        set_role(connection, user, role, roots, sites, self._author(reader))

    def _set_password(self, reader: PageReader, connection: Connection, user: User) -> None:
        hash_ = hash_of_checked(next(iter(reader.form.get("password", ())), ""), user.name)
        set_password(connection, user, hash_, self._author(reader))

    def _author(self, reader: PageReader) -> Author:
        return Author(reader.access.name, self._gate.now_utc())


def _digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:16]


def _self(reader: PageReader) -> User:
    if reader.access.user is None:
        raise Refused(
            404,
            _("There are no accounts here yet"),
            _("Whoever runs this server makes the first one with %(command)s.", command="hymio user add"),
        )
    return reader.access.user


def _need_admin(reader: PageReader) -> None:
    if not reader.access.may_manage_accounts:
        raise Refused(403)


def _asked_user(reader: PageReader, connection: Connection) -> User:
    asked = reader.request.path_params["user"]
    found = user_of_id(connection, int(asked)) if asked.isdecimal() and len(asked) < 10 else None
    if found is None:
        raise Refused(404, _("There is no account %(key)s", key=asked[:20]))
    return found


def _places(reader: PageReader) -> list[str]:
    """Those that are checked in the tree, or whose keys are typed."""
    return " ".join(reader.form.get("places", ())).split()


def _role(reader: PageReader) -> Role:
    try:
        return Role(reader.said("role"))
    except ValueError:
        raise Refused(400) from None


def _said(reader: PageReader, wrong: Sentence | None) -> dict[str, Any]:
    done = DONE.get(reader.request.query_params.get("done", "")) if reader.request.method == "GET" else None
    return {"wrong": wrong, "done": done, "moment": lambda utc: datetime.fromtimestamp(utc, UTC)}


def _done(where: str, what: str) -> Response:
    return RedirectResponse(f"{where}?done={what}", 303)
