"""A hospital with accounts, and browsers of people who log in: one client each."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from hymio.common.roles import Role
from hymio.pages.app import PageOptions, pages_app
from hymio.pages.oidc import Oidc
from hymio.store import passwords
from hymio.store.accounts import Author, hash_of_checked, make_account, roots_named
from hymio.store.database import Store, open_store
from hymio.store.sites import load_sites
from hymio.store.users import NewUser

PASSWORD = "correct horse battery"
ELSEWHERE = ("203.0.113.7", 50_000)


@contextmanager
def cheap_hashes() -> Iterator[None]:
    """Hashes that cost a thousandth of those in earnest, which tests/host/test_users.py looks at."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", lambda: cheap)
        passwords._of_nobody.cache_clear()
        yield
    passwords._of_nobody.cache_clear()


def add(store: Store, name: str, role: Role, *places: str, password: str | None = PASSWORD, issuer: str = "") -> int:
    hash_ = None if password is None else hash_of_checked(password, name)
    with store.writing() as connection:
        sites = load_sites(connection)
        new = NewUser(name, role, roots_named(sites, places, role), None, hash_, issuer or None)
        return make_account(connection, new, sites, Author("test", 1.0)).id


@contextmanager
def opened_copy(db: str, path: Path) -> Iterator[Store]:
    """A store of one test, like another one."""
    source = sqlite3.connect(db)
    target = sqlite3.connect(path)
    source.backup(target)
    source.close()
    target.close()
    store = open_store(str(path))
    try:
        yield store
    finally:
        store.close()


class Person:
    """A browser of somebody, which keeps its cookies."""

    def __init__(self, store: Store, url: str = "http://hymio.example", oidc: Oidc | None = None, **more: Any) -> None:
        app = more.pop("app", None) or pages_app(store, PageOptions(oidc))
        self.app = app
        self.client = TestClient(app, url, client=more.pop("client", ELSEWHERE), follow_redirects=False, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, **more)

    def form_of(self, path: str) -> str:
        return re.findall(r'name="form" value="([^"]+)"', self.get(path).text)[0]

    def post(self, path: str, on: str | None = None, **fields: str) -> Any:
        """Sends a form that stands on the page `on`, or at the same address."""
        return self.client.post(path, data={"form": self.form_of(on or path), **fields})

    def log_in(self, name: str, password: str = PASSWORD, wanted: str = "/") -> Any:
        return self.post("/login", name=name, password=password, next=wanted)


def said(answer: Any) -> list[str]:
    """What a page says was wrong, or was done, or is its heading."""
    return re.findall(r'role="(?:alert|status)">([^<]*)', answer.text) or re.findall("<h1[^>]*>([^<]*)", answer.text)
