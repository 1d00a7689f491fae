"""`hymio user`: accounts are made by who runs the database, without a default password, and no command line has one."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from hymio_process import hymio_here
from schema_check import check
from sites import HOSPITAL
from sqlalchemy import select

from hymio.common.errors import DONE, WRONG_USE
from hymio.common.roles import Role
from hymio.store import passwords, schema
from hymio.store.accounts import AccountError, Author, make_account, root_text, roots_named
from hymio.store.database import Store, open_store
from hymio.store.server_keys import COOKIES, make_key, stored_key
from hymio.store.sites import load_sites
from hymio.store.users import NewUser, Root, user_named, user_of_subject

SECRET = "correct horse battery"


@pytest.fixture
def votes(tmp_path: Path) -> str:
    path = str(tmp_path / "votes.db")
    (tmp_path / "site.toml").write_text(HOSPITAL)
    assert hymio_here("site", "import", str(tmp_path / "site.toml"), "--db", path).returncode == DONE
    (tmp_path / "password.txt").write_text(f"{SECRET}\n")
    return path


@pytest.fixture
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost a thousandth of those in earnest."""
    monkeypatch.setattr(passwords, "_hasher", lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def ask(votes: str, *arguments: str, shape: str = "user") -> Any:
    done = hymio_here("user", *arguments, "--db", votes, "--json")
    assert done.returncode == DONE, done.stderr
    return check(shape, done.stdout)


def refused(votes: str, *arguments: str) -> str:
    done = hymio_here("user", *arguments, "--db", votes, "--json")
    assert (done.returncode, done.stdout) == (WRONG_USE, "")
    return str(check("error", done.stderr.splitlines()[-1])["error"]["message"])


def file_of(votes: str) -> list[str]:
    return ["--password-file", str(Path(votes).with_name("password.txt"))]


@pytest.mark.usefixtures("_cheap")
def test_add_list_role_disable_password(votes: str) -> None:
    anna = ask(votes, "add", "Anna", "--role", "admin", *file_of(votes))
    assert (anna["name"], anna["role"], anna["places"], anna["has_password"]) == ("anna", "admin", [], True)
    bo = ask(votes, "add", "bo@city.example", "--role", "manager", "--place", "wards", "--place", "bar",
             "--email", "bo@city.example", *file_of(votes))  # fmt: skip
    assert bo["places"] == ["city-hospital/wards", "city-hospital/bar"]
    eva = ask(votes, "add", "eva@city.example", "--role", "viewer", "--oidc", "https://login.example")
    assert (eva["has_password"], eva["oidc"], eva["places"]) == (False, "https://login.example", ["city-hospital"])
    assert ask(votes, "role", "BO@city.example", "viewer", "--place", "ward-3")["places"] == ["city-hospital/ward-3"]
    assert ask(votes, "disable", "bo@city.example")["disabled_utc"] > 0
    assert ask(votes, "enable", "bo@city.example")["disabled_utc"] is None
    assert ask(votes, "password", "bo@city.example", *file_of(votes))["has_password"]
    listed = ask(votes, "list", shape="user-list")["users"]
    assert [one["name"] for one in listed] == ["anna", "bo@city.example", "eva@city.example"]
    assert "eva@city.exam" in hymio_here("user", "list", "--db", votes).stdout
    noted = hymio_here("audit", "--db", votes, "--json").stdout
    actions = [json.loads(line)["action"] for line in noted.splitlines()]
    assert actions[:7] == [
        "user.password", "user.enable", "user.disable", "user.role", "user.add", "user.add", "user.add",
    ]  # fmt: skip
    data = b"".join(path.read_bytes() for path in Path(votes).parent.iterdir() if "votes" in path.name)
    assert SECRET not in noted and SECRET.encode() not in data


@pytest.mark.usefixtures("_cheap")
def test_what_is_refused_changes_nothing(votes: str) -> None:
    files = file_of(votes)
    assert "first account is an admin's" in refused(votes, "add", "bo", "--role", "viewer", *files)
    ask(votes, "add", "anna", "--role", "admin", *files)
    long = Path(votes).with_name("long.txt")
    long.write_text("two\nlines")
    short = Path(votes).with_name("short.txt")
    short.write_text("short")
    new = ["add", "bo", "--role", "viewer"]
    for arguments, why in (
        (["add", "ANNA", "--role", "admin", *files], "There is an account anna already."),
        ([*new, "--place", "ward-99", *files], "There is no place or organisation ward-99."),
        ([*new, "--email", "bo", *files], "bo is no e-mail address."),
        ([*new, "--password-file", str(long)], "--password-file: expected one line, came several."),
        ([*new, "--password-file", str(short)], "A password has 10 to 256 characters"),
        ([*new, "--password-file", "none.txt"], "--password-file: none.txt can't be read: No such file"),
        ([*new, "--oidc", "https://login.example", *files], "--oidc and --password-file: expected one of them."),
        (new, "Nobody can type a password here."),
        (["disable", "anna"], "anna is the last admin: make another one first."),
        (["role", "anna", "viewer"], "anna is the last admin: make another one first."),
        (["disable", "ann"], "There is no account 'ann'."),
        (["password", "nobody", *files], "There is no account 'nobody'."),
    ):
        assert refused(votes, *arguments).startswith(why)
    assert len(ask(votes, "list", shape="user-list")["users"]) == 1
    assert hymio_here("user", "add", "x", "--role", "boss", "--db", votes).returncode == WRONG_USE


@pytest.mark.skipif(os.name == "nt", reason="there is no pty")
def test_a_password_that_is_typed_is_not_seen(votes: str) -> None:
    def type_in(*lines: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "hymio", "user", "add", "anna", "--role", "admin", "--db", votes]
        running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        shown = b""
        for line in lines:
            while not shown.endswith(b": "):
                shown += os.read(ours, 1000)
            os.write(ours, f"{line}\n".encode())
            shown += b"|"
        try:
            while part := os.read(ours, 1000):
                shown += part
        except OSError:  # the other side is closed
            pass
        os.close(ours)
        return running.wait(), shown.decode()

    status, shown = type_in(SECRET, "another")
    assert status == WRONG_USE and "The two are not the same" in shown
    status, shown = type_in(SECRET, SECRET)
    assert status == DONE and "anna may log in now, as admin." in shown and SECRET not in shown


def test_from_what_is_piped_in(votes: str) -> None:
    command = [sys.executable, "-m", "hymio", "user", "add", "anna", "--role", "admin", "--db", votes]
    done = subprocess.run([*command, "--password-file", "-"], input=f"{SECRET}\r\n", capture_output=True, text=True)
    assert done.returncode == DONE, done.stderr
    store = open_store(votes)
    with store.reading() as connection:
        kept = connection.execute(select(schema.users.c.password)).scalar_one()
    store.close()
    assert passwords.is_right(SECRET, kept) and not passwords.is_right(f"{SECRET}\r", kept)


def test_what_is_kept_of_a_password() -> None:
    kept = passwords.hashed(SECRET)
    found = extract_parameters(kept)
    # RFC 9106, section 4: the second recommended option.
    assert kept.startswith("$argon2id$") and (found.time_cost, found.memory_cost, found.parallelism) == (3, 65536, 4)
    assert passwords.hashed(SECRET) != kept
    assert passwords.is_right(SECRET, kept) and not passwords.is_right(f"{SECRET} ", kept)
    assert not passwords.is_right(SECRET, None) and not passwords.is_right(SECRET, "no hash")
    assert not passwords.is_right("the password of nobody", None)


@pytest.mark.parametrize(
    ("password", "is_good"),
    [
        ("x" * 7 + "yz" + "!", True), ("ä" * 8 + "öå", True), ("123456789", False), ("x" * 256, False),
        ("xy" * 20, False), ("xyz" * 85, True), ("xyz" * 86, False), ("somebody@x.example", False),
        ("SOMEBODY@x.example", False), ("          ", False), ("", False),
    ],
)  # fmt: skip
def test_what_may_be_a_password(password: str, is_good: bool) -> None:
    assert passwords.is_good_password(password, "somebody@x.example") == is_good


def test_accounts_on_both_databases(store: Store) -> None:
    author = Author("test", 5.0)
    with store.writing() as connection:
        make_account(connection, NewUser("Root", Role.ADMIN, password="x"), [], author)
        new = NewUser("eva@x.example", Role.ADMIN, issuer="https://i.example")
        made = make_account(connection, new, [], author)
        with pytest.raises(AccountError):
            make_account(connection, new, [], author)
        assert user_of_subject(connection, "https://i.example", "7", "other@x.example") is None
        assert user_of_subject(connection, "https://j.example", "7", "eva@x.example") is None
        assert user_of_subject(connection, "https://i.example", "7", "EVA@x.example").id == made.id
        assert user_of_subject(connection, "https://i.example", "7", None).id == made.id
        assert user_of_subject(connection, "https://i.example", "8", "eva@x.example") is None
        assert user_named(connection, " ROOT ").name == "root"
        for table in (schema.audit, schema.users):
            connection.execute(table.delete())


def test_the_key_of_cookies_is_made_once(store: Store) -> None:
    with store.writing() as connection:
        made = make_key(connection, COOKIES, 5.0)
    with store.writing() as connection:
        assert make_key(connection, COOKIES, 9.0) == made == stored_key(connection, COOKIES) and len(made) == 32
        connection.execute(schema.server_keys.delete())


def test_places_as_they_are_typed(votes: str) -> None:
    store = open_store(votes)
    with store.reading() as connection:
        sites = load_sites(connection)
    store.close()
    (site,) = sites
    wards = Root(site.id, site.nodes["wards"])
    assert roots_named(sites, [], Role.VIEWER) == [Root(site.id, None)]
    assert roots_named(sites, ["wards", "city-hospital/wards", " "], Role.VIEWER) == [wards, wards]
    assert root_text(sites, wards) == "city-hospital/wards" and root_text(sites, Root(site.id, None)) == "city-hospital"
    with pytest.raises(AccountError, match="Name the places"):
        roots_named([site, site], [], Role.VIEWER)
    with pytest.raises(AccountError, match="Several organisations have a place wards"):
        roots_named([site, site], ["wards"], Role.MANAGER)
