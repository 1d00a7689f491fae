"""Log-in by OpenID Connect, with a provider on a real socket: who comes in, and who does not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from accounts_world import Person, add, opened_copy, said
from oidc_provider import CLIENT, SECRET, Provider, provider

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.roles import Role
from hymio.pages.log_in import NETWORK_AT_ONCE
from hymio.pages.oidc import LASTS_S, Oidc, OidcSettings, read_oidc
from hymio.store.audit import entries
from hymio.store.database import Store

OURS = "https://hymio.example"
EVA = {"sub": "248289761001", "email": "eva@city.example", "email_verified": True}


@pytest.fixture
def issuer() -> Iterator[Provider]:
    with provider() as running:
        running.person = dict(EVA)
        yield running


@pytest.fixture
def store(site_db: str, tmp_path: Path, issuer: Provider) -> Iterator[Store]:
    with opened_copy(site_db, tmp_path / "votes.db") as opened:
        add(opened, "anna", Role.ADMIN, password=None)
        add(opened, "eva@city.example", Role.VIEWER, "wards", password=None, issuer=issuer.url)
        yield opened


class Clock:
    ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


def oidc_of(issuer: Provider, clock: Clock | None = None) -> Oidc:
    return Oidc(OidcSettings(issuer.url, CLIENT, SECRET, OURS, "City log-in", None), clock or Clock())


def come_back(person: Person, wanted: str = "/") -> str:
    """Goes to the issuer as a browser does; gives the address to which it is sent back."""
    answer = person.get("/login/oidc", params={"next": wanted})
    assert answer.status_code == 303
    back = httpx2.get(answer.headers["location"], follow_redirects=False).headers["location"]
    assert back.startswith(f"{OURS}/login/oidc/back?")
    return back.removeprefix(OURS)


def try_to_log_in(store: Store, issuer: Provider) -> Any:
    person = Person(store, OURS, oidc_of(issuer))
    return person.get(come_back(person))


def test_who_has_an_account_comes_in(store: Store, issuer: Provider) -> None:
    person = Person(store, OURS, oidc_of(issuer))
    assert "Log in with City log-in" in person.get("/login").text
    answer = person.get(come_back(person, "/places/city-hospital/wards"))
    assert answer.headers["location"] == "/places/city-hospital/wards"
    assert person.get("/places/city-hospital/wards").status_code == 200
    assert person.get("/account.json").json()["account"]["oidc"] == issuer.url
    assert "The old password" not in person.get("/account").text
    with store.reading() as connection:
        newest = next(iter(entries(connection, 1)))
    assert (newest.who, newest.action, newest.details["by"]) == ("eva@city.example", "user.login", issuer.url)
    # Its secret goes by the header alone, and the code with its verifier.
    assert SECRET not in str(issuer.asked) and len(issuer.asked[0]["code_verifier"]) >= 43


def test_after_the_first_time_it_is_the_subject_that_counts(store: Store, issuer: Provider) -> None:
    assert try_to_log_in(store, issuer).status_code == 303
    issuer.person = {"sub": EVA["sub"], "email": "eva@married.example", "email_verified": True}
    assert try_to_log_in(store, issuer).status_code == 303
    issuer.person = {**EVA, "sub": "somebody else, who has her address now"}
    assert try_to_log_in(store, issuer).status_code == 403


@pytest.mark.parametrize(
    "person",
    [{"email_verified": False}, {"email_verified": "true"}, {"email": "nobody@city.example"}, {"email": "anna"}],
)
def test_nobody_else_does(store: Store, issuer: Provider, person: dict[str, Any]) -> None:
    issuer.person |= person
    answer = try_to_log_in(store, issuer)
    assert answer.status_code == 403 and "has no account here" in said(answer)[0]
    assert "hymio_session" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    "lie",
    [
        {"claims": {"iss": "https://other.example"}}, {"claims": {"aud": "another client"}},
        {"claims": {"aud": "another client", "azp": CLIENT}},
        {"claims": {"nonce": "another"}}, {"claims": {"nonce": None}}, {"claims": {"exp": 1_000_000_000}},
        {"claims": {"sub": None}}, {"key": "another key"}, {"algorithm": "HS256"}, {"algorithm": "none"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_believed(
    store: Store, issuer: Provider, caplog: pytest.LogCaptureFixture, lie: dict[str, Any]
) -> None:
    for name, value in lie.items():
        setattr(issuer, name, value)
    answer = try_to_log_in(store, issuer)
    assert answer.status_code == 403 and said(answer) == ["City log-in did not log you in"]
    assert "/login/oidc/back" in caplog.text and SECRET not in caplog.text


def test_a_log_in_is_of_the_browser_that_began_it_and_ends_in_time(store: Store, issuer: Provider) -> None:
    clock = Clock()
    oidc = oidc_of(issuer, clock)
    person, other = (Person(store, OURS, oidc) for _ in range(2))
    back = come_back(person)
    assert other.get(back).status_code == 403  # nobody is logged in as somebody else by a link
    come_back(other)
    assert other.get(back).status_code == 403
    assert person.get(back.replace("state=", "state=x")).status_code == 403
    refused = parse_qs(urlsplit(back).query)["state"][0]
    assert person.get(f"/login/oidc/back?error=access_denied&state={refused}").status_code == 403
    clock.ahead_s = LASTS_S + 5
    assert person.get(back).status_code == 403
    clock.ahead_s = 0
    assert person.get(back).status_code == 303
    person.client.cookies.delete("__Host-hymio_session")
    assert person.get(back).status_code == 403  # once


def test_an_address_that_no_cookie_can_hold_keeps_nobody_out(store: Store, issuer: Provider) -> None:
    for length in (200, 900, 5000):
        person = Person(store, OURS, oidc_of(issuer))
        answer = person.get(come_back(person, f"/terminals?q={'x' * length}"))
        assert answer.status_code == 303 and len(answer.headers["location"]) == (length + 13 if length < 1000 else 1)


@pytest.mark.parametrize("metadata", [{"issuer": "https://other.example"}, {"token_endpoint": "http://127.0.0.1:1/"}])
def test_an_issuer_that_is_another_or_not_there(store: Store, issuer: Provider, metadata: dict[str, str]) -> None:
    issuer.metadata = metadata
    person = Person(store, OURS, oidc_of(issuer))
    answer = person.get("/login/oidc") if "issuer" in metadata else person.get(come_back(person))
    assert answer.status_code == 403 and said(answer) == ["City log-in did not log you in"]
    assert person.get("/login").status_code == 200


def test_an_issuer_that_is_away_is_not_asked_all_the_time(store: Store, issuer: Provider) -> None:
    clock = Clock()
    oidc = oidc_of(issuer, clock)
    issuer.metadata = {"issuer": "https://other.example"}
    person = Person(store, OURS, oidc)
    assert person.get("/login/oidc").status_code == 403
    issuer.metadata = {}
    assert person.get("/login/oidc").status_code == 403
    clock.ahead_s = 6
    assert person.get("/login/oidc").status_code == 303


def test_coming_back_with_any_code_is_throttled(store: Store, issuer: Provider) -> None:
    person = Person(store, OURS, oidc_of(issuer))
    person.get("/login/oidc")
    for _ in range(NETWORK_AT_ONCE):
        assert person.get("/login/oidc/back?code=x&state=x").status_code == 403
    assert person.get("/login/oidc/back?code=x&state=x").status_code == 429


def test_without_it_there_is_no_such_page(store: Store) -> None:
    person = Person(store)
    assert person.get("/login/oidc").status_code == 404 and person.get("/login/oidc/back").status_code == 404


FILE = """
issuer = "https://login.city.example"
client_id = "hymio"
client_secret = "a secret"
url = "https://feedback.city.example/"
"""


def test_its_file(tmp_path: Path) -> None:
    path = tmp_path / "login.toml"
    path.write_text(FILE)
    found = read_oidc(path)
    assert (found.name, found.url, found.ca) == ("login.city.example", "https://feedback.city.example", None)
    for old, new, said_of_it in (
        ("client_id", "clientid", "clientid is no key of it"),
        ('client_id = "hymio"', "", "client_id: expected a text, came None"),
        ('"hymio"', "7", "client_id: expected a text, came 7"),
        ("https://login", "http://login", "issuer: expected an address with https://"),
        ("https://feedback", "ftp://feedback", "url: expected an address with https://"),
        ('"hymio"', '"hymio"\nca = "nowhere.pem"', "ca: there is no file nowhere.pem"),
        ("issuer = ", "issuer : ", "can't be read"),
    ):
        path.write_text(FILE.replace(old, new))
        with pytest.raises(Failure) as refused:
            read_oidc(path)
        assert refused.value.exit_status == WRONG_USE and said_of_it in refused.value.message
    with pytest.raises(Failure, match="can't be read"):
        read_oidc(tmp_path / "none.toml")
