"""Making and changing accounts by the rules that hold everywhere, each change noted in the audit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from hymio.common.roles import Role
from hymio.locale.sentence import Sentence, _
from hymio.site.rules import is_line
from hymio.store import audit
from hymio.store.passwords import LONGEST, SHORTEST, hashed, is_good_password
from hymio.store.sites import StoredSite
from hymio.store.users import (
    NAME_MAX,
    NewUser,
    Root,
    User,
    add_user,
    all_users,
    change_user,
    end_sessions,
    normal_name,
    set_roots,
    user_named,
)

_SHOWN: Final = 60
_ATOM: Final = r"[\w!#$%&'*+/=^`{|}~-]+"
_EMAIL: Final = re.compile(rf"{_ATOM}(\.{_ATOM})*@[^\W_]([\w-]*[^\W_])?(\.[^\W_]([\w-]*[^\W_])?)*")
"""RFC 5322 without quotes and comments, which nobody has, and which may hide a second address; RFC 6531's letters."""


class AccountError(Exception):
    """A change that is refused; nothing was done."""

    def __init__(self, said: Sentence) -> None:
        """Takes what was expected, and what came."""
        super().__init__(str(said))
        self.said = said


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes an account."""

    name: str | None
    """For the audit; None: the account on the computer."""
    now_utc: float


def checked_name(typed: str) -> str:
    """A name that somebody can log in by.

    Raises:
        AccountError: it is none.
    """
    name = normal_name(typed)
    if not is_line(name, NAME_MAX):
        raise AccountError(_("A name has 1 to %(most)s characters in one line.", most=NAME_MAX))
    return name


def is_email(text: str) -> bool:
    """Whether it is one e-mail address, and nothing else."""
    return len(text) <= NAME_MAX and _EMAIL.fullmatch(text) is not None


def checked_email(typed: str) -> str | None:
    """An e-mail address; None: none was given.

    Raises:
        AccountError: it can't be one.
    """
    email = typed.strip()
    if email and not is_email(email):
        raise AccountError(_("%(email)s is no e-mail address.", email=email[:_SHOWN]))
    return email or None


def hash_of_checked(password: str, name: str) -> str:
    """What is kept of a password that is good enough.

    Raises:
        AccountError: it is not.
        Failure: 2, the extra `serve` is not installed.
    """
    if not is_good_password(password, name):
        said = _(
            "A password has %(least)s to %(most)s characters, not one over and over, and is not the name.",
            least=SHORTEST,
            most=LONGEST,
        )
        raise AccountError(said)
    return hashed(password)


def roots_named(sites: Sequence[StoredSite], texts: Sequence[str], role: Role) -> list[Root]:
    """The places that somebody types: KEY, ORGANISATION or ORGANISATION/KEY.

    Without any it is the whole of the one organisation that there is.

    Raises:
        AccountError: there is no such place, there are several, or none is named where there are several.
    """
    wanted = [text.strip() for text in texts if text.strip()]
    if role is Role.ADMIN:
        if wanted:
            raise AccountError(_("An admin sees everything: name no places."))
        return []
    if not wanted:
        if len(sites) == 1:
            return [Root(sites[0].id, None)]
        raise AccountError(_("Name the places that this account may see."))
    return [root_named(sites, text) for text in wanted]


def root_named(sites: Sequence[StoredSite], text: str) -> Root:
    """The one place that somebody types.

    Raises:
        AccountError: there is no such place, or there are several.
    """
    own, slash, key = text.partition("/")
    if slash:
        found = [
            Root(site.id, site.nodes[key]) for site in sites if site.site.organisation.key == own if key in site.nodes
        ]
    else:
        found = [Root(site.id, None) for site in sites if site.site.organisation.key == text]
        found = found or [Root(site.id, site.nodes[text]) for site in sites if text in site.nodes]
    if not found:
        raise AccountError(no_such_place(text))
    if len(found) > 1:
        raise AccountError(
            _("Several organisations have a place %(key)s: write ORGANISATION/%(key)s.", key=text[:_SHOWN])
        )
    return found[0]


def no_such_place(text: str) -> Sentence:
    """What is said of a place that is not there, or that nobody is to know of who asks."""
    return _("There is no place or organisation %(key)s.", key=text[:_SHOWN])


def root_text(sites: Sequence[StoredSite], root: Root) -> str:
    """A place as `roots_named` takes it."""
    site = next(one for one in sites if one.id == root.organisation_id)
    key = site.site.organisation.key
    return key if root.node_id is None else f"{key}/{site.node_keys[root.node_id]}"


def account_values(user: User, sites: Sequence[StoredSite]) -> dict[str, Any]:
    """An account as it is shown, in JSON too; never its password."""
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role.value,
        "places": [root_text(sites, root) for root in user.roots],
        "has_password": user.has_password,
        "oidc": user.issuer,
        "created_utc": user.created_utc,
        "disabled_utc": user.disabled_utc,
        "last_login_utc": user.last_login_utc,
    }


def make_account(connection: Connection, new: NewUser, sites: Sequence[StoredSite], author: Author) -> User:
    """Makes an account.

    Args:
        connection: comes from `Store.writing`.
        new: its name, e-mail address and password are checked already.
        sites: all there are.
        author: who makes it.

    Raises:
        AccountError: the name is taken, or it would be the first one and no admin.
    """
    if user_named(connection, new.name) is not None:
        raise AccountError(_("There is an account %(name)s already.", name=new.name[:_SHOWN]))
    if new.role is not Role.ADMIN and not _admins(connection):
        raise AccountError(_("The first account is an admin's: somebody has to manage the others."))
    add_user(connection, new, author.now_utc)
    made = user_named(connection, new.name)
    assert made is not None
    details = {"role": new.role.value, "places": [root_text(sites, root) for root in made.roots], "issuer": new.issuer}
    _note(connection, "user.add", made, author, details)
    return made


def set_role(
    connection: Connection, user: User, role: Role, roots: Sequence[Root], sites: Sequence[StoredSite], author: Author
) -> None:
    """Gives an account a role and places.

    Raises:
        AccountError: it is the last admin.
    """
    if role is not Role.ADMIN:
        _keep_an_admin(connection, user)
    change_user(connection, user.id, role=role.value)
    set_roots(connection, user.id, roots)
    places = [root_text(sites, root) for root in roots]
    _note(connection, "user.role", user, author, {"role": role.value, "places": places, "was": user.role.value})


def set_password(connection: Connection, user: User, hash_: str, author: Author, but: str | None = None) -> None:
    """Gives an account a password; every browser is logged out, but for the session of a digest."""
    change_user(connection, user.id, password=hash_)
    end_sessions(connection, user.id, but)
    _note(connection, "user.password", user, author, {})


def set_disabled(connection: Connection, user: User, disabled: bool, author: Author) -> None:
    """Takes an account out of use, which logs it out at once; or back into use.

    Raises:
        AccountError: it is the last admin.
    """
    if disabled == (user.disabled_utc is not None):
        return
    if disabled:
        _keep_an_admin(connection, user)
        end_sessions(connection, user.id)
    change_user(connection, user.id, disabled_utc=author.now_utc if disabled else None)
    _note(connection, "user.disable" if disabled else "user.enable", user, author, {})


def _admins(connection: Connection) -> list[User]:
    return [one for one in all_users(connection) if one.role is Role.ADMIN and one.disabled_utc is None]


def _keep_an_admin(connection: Connection, user: User) -> None:
    if [one.id for one in _admins(connection)] == [user.id]:
        raise AccountError(_("%(name)s is the last admin: make another one first.", name=user.name[:_SHOWN]))


def _note(connection: Connection, action: str, user: User, author: Author, details: dict[str, Any]) -> None:
    audit.record(connection, action, {"name": user.name, **details}, author.name)
