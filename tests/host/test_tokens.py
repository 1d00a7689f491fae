"""Tokens and the audit: a token is shown once, opens what it says until it ends, and every change is noted."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio_here as hymio
from hypothesis import given
from hypothesis import strategies as st
from schema_check import check
from sites import HOSPITAL, sites
from sqlalchemy import select
from test_store_sites import BASE, save, undone

from hymio.common.errors import DONE, WRONG_USE
from hymio.site.model import NodeKind, Site, places_of
from hymio.store import audit, schema
from hymio.store.database import Store, open_store
from hymio.store.sites import StoredSite
from hymio.store.tokens import Scope, covered, create_token, resolve_token, revoke_token, stored_tokens


def test_a_token_opens_its_scope_until_it_ends(store: Store) -> None:
    with undone(store) as connection:
        site = save(connection, BASE, 0)
        wards = site.nodes["wards"]
        number, token = create_token(connection, "wards", site.id, wards, 100.0, 10.0)
        _, whole = create_token(connection, "all", site.id, None, None, 10.0)
        assert token != whole and len(token) >= len("hymio_") + 160 / 6
        assert resolve_token(connection, token, 99.9) == Scope(number, "wards", site.id, wards)
        assert resolve_token(connection, whole, 1e12).node_id is None
        assert resolve_token(connection, token, 100.0) is None
        for wrong in ("", "hymio_", token[:-1], f"{token}A", token.lower(), f"{token}\udc80", "hymio_" + "x" * 300):
            assert wrong == token or resolve_token(connection, wrong, 50.0) is None
        revoke_token(connection, number, 60.0)
        revoke_token(connection, number, 70.0)
        assert resolve_token(connection, token, 50.0) is None
        assert next(one for one in stored_tokens(connection) if one.id == number).revoked_utc == 60.0
        kept = connection.execute(select(schema.tokens).where(schema.tokens.c.id == number)).one()
        assert kept.digest == hashlib.sha256(token.encode()).hexdigest()
        assert token not in str(tuple(kept))


@given(sites(), st.data())
def test_a_scope_covers_a_place_and_all_below_it(site: Site, data: st.DataObject) -> None:
    nodes = {node.key: number for number, node in enumerate(site.nodes, 1)}
    stored = StoredSite(1, site, nodes, {}, {})
    places = places_of(site)
    key = data.draw(st.sampled_from([None, *nodes]))
    found = covered(Scope(1, "", 1, None if key is None else nodes[key]), stored)
    below = {one for one in nodes if key is None or key in (node.key for node in places.up(one))}
    assert {stored.node_keys[number] for number in found.nodes} == below
    assert found.points == {one for one in below if places.by_key[one].kind is NodeKind.POINT}
    assert found.device_ids == {stay.device_id for stay in site.placements if stay.point in below}


@pytest.fixture
def votes(tmp_path: Path) -> str:
    path = str(tmp_path / "votes.db")
    (tmp_path / "site.toml").write_text(HOSPITAL)
    assert hymio("site", "import", str(tmp_path / "site.toml"), "--db", path).returncode == DONE
    return path


def ask(name: str, *arguments: str) -> Any:
    done = hymio("token", *arguments, "--json")
    assert done.returncode == DONE, done.stderr
    return check(name, done.stdout)


def refused(*arguments: str) -> Any:
    done = hymio("token", *arguments, "--json")
    assert (done.returncode, done.stdout) == (WRONG_USE, "")
    return check("error", done.stderr.splitlines()[-1])["error"]


def opens(votes: str, token: str, now: float) -> Scope | None:
    store = open_store(votes)
    with store.reading() as connection:
        found = resolve_token(connection, token, now)
    store.close()
    return found


def test_create_list_revoke(votes: str) -> None:
    made = ask("token-create", "create", "--db", votes, "--name", "BI", "--scope", "wards", "--expires", "90d")
    assert made["expires_utc"] - made["created_utc"] == pytest.approx(90 * 86400)
    assert opens(votes, made["token"], made["expires_utc"] - 1).name == "BI"
    assert opens(votes, made["token"], made["expires_utc"]) is None
    whole = ask("token-create", "create", "--db", votes, "--name", "all of it", "--expires", "never")
    assert (whole["scope"], whole["expires_utc"]) == (None, None)
    listed = ask("token-list", "list", "--db", votes)["tokens"]
    assert [(one["name"], one["scope"], one["state"]) for one in listed] == [
        ("BI", "wards", "good"), ("all of it", None, "good"),
    ]  # fmt: skip
    gone = ask("token-revoke", "revoke", "--db", votes, "BI")
    assert ask("token-revoke", "revoke", "--db", votes, str(made["id"])) == gone
    assert opens(votes, made["token"], made["created_utc"]) is None
    assert ask("token-list", "list", "--db", votes)["tokens"][0]["state"] == "revoked"
    # The name is free again, and means the one that is good.
    again = ask("token-create", "create", "--db", votes, "--name", "BI")
    assert ask("token-revoke", "revoke", "--db", votes, "BI")["id"] == again["id"]
    assert ask("token-revoke", "revoke", "--db", votes, whole["token"])["name"] == "all of it"
    assert "BI" in hymio("token", "list", "--db", votes).stdout


def test_the_token_alone_is_on_stdout_and_nowhere_else(votes: str) -> None:
    done = hymio("token", "create", "--db", votes, "--name", "BI")
    token = done.stdout.strip()
    assert re.fullmatch(r"hymio_[A-Za-z0-9_-]{32}", token) and token not in done.stderr
    for shown in (hymio("token", "list", "--db", votes, "--json"), hymio("audit", "--db", votes, "--json")):
        assert token not in shown.stdout + shown.stderr
    data = b"".join(path.read_bytes() for path in Path(votes).parent.iterdir())
    assert token.encode() not in data


def test_what_is_wrong_is_told(votes: str) -> None:
    create = ("create", "--db", votes, "--name", "BI")
    assert "ward-3" in refused(*create, "--scope", "ward3")["hint"]
    assert "ward-3" in refused(*create, "--scope", "Ward 3")["hint"]
    assert "site show" in refused(*create, "--scope", "zzz")["hint"]
    for expires in ("soon", "0d", "0ms", "36501d", "99999999d"):
        assert "--expires" in refused(*create, "--expires", expires)["message"]
    assert refused(*create, "--organisation", "clinic")
    for name in ("", "7", "a\nb", " BI"):
        assert "--name" in refused("create", "--db", votes, "--name", name)["message"]
    ask("token-create", *create)
    assert "BI already" in refused(*create)["message"]
    assert "Near it are BI" in refused("revoke", "--db", votes, "BJI")["hint"]
    assert refused("revoke", "--db", votes, "99") and refused("revoke", "--db", votes, "²")
    limit = hymio("audit", "--db", votes, "--limit", "9" * 20, "--json")
    assert limit.returncode == WRONG_USE and "--limit" in limit.stderr
    assert "x" * 32 not in refused("revoke", "--db", votes, "hymio_" + "x" * 32)["message"]


def test_a_token_whose_end_has_no_date_is_listed(votes: str) -> None:
    ask("token-create", "create", "--db", votes, "--name", "BI", "--expires", "36500d")
    with closing(sqlite3.connect(votes)) as file, file:
        file.execute("UPDATE tokens SET expires_utc = 8.64e15")
    assert "9999-12-31" in hymio("token", "list", "--db", votes).stdout
    assert ask("token-list", "list", "--db", votes)["tokens"][0]["expires_utc"] == 8.64e15


def test_every_change_is_in_the_audit(votes: str) -> None:
    made = ask("token-create", "create", "--db", votes, "--name", "BI", "--scope", "bar")
    ask("token-revoke", "revoke", "--db", votes, "BI")
    done = hymio("audit", "--db", votes, "--json")
    lines = [check("audit-line", line) for line in done.stdout.splitlines()]
    assert [one["action"] for one in lines] == ["token.revoke", "token.create", "site.import"]
    assert [one["utc"] for one in lines] == sorted((one["utc"] for one in lines), reverse=True)
    assert lines[0]["who"] == audit.account() and "@" in lines[0]["who"]
    assert lines[0]["details"] == {"id": made["id"], "name": "BI"}
    assert lines[2]["details"]["added"][0] == "organisation"
    assert len(hymio("audit", "--db", votes, "--limit", "1", "--json").stdout.splitlines()) == 1
    said = hymio("audit", "--db", votes).stdout.splitlines()
    assert "token.create  id 1, name BI, organisation city-hospital, scope bar" in said[1]
    assert "8 added" in said[2]


def test_who_acts_by_a_token_is_named_by_it(store: Store) -> None:
    with undone(store) as connection:
        audit.record(connection, "site.import", {"a": 1}, who="token BI")
        newest = next(audit.entries(connection, 1))
        assert (newest.who, newest.action, newest.details) == ("token BI", "site.import", {"a": 1})


def test_an_account_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert re.fullmatch(r"(\d+|unknown)@.+", audit.account())


def test_a_place_that_has_moved_takes_the_scope_along(store: Store) -> None:
    bar = replace(next(node for node in BASE.nodes if node.key == "bar"), parent="wards")
    moved = replace(BASE, nodes=(bar, *(node for node in BASE.nodes if node.key != "bar")), surveys=())
    with undone(store) as connection:
        before = save(connection, replace(BASE, surveys=()), 0)
        scope = Scope(1, "", before.id, before.nodes["wards"])
        assert covered(scope, before).points == {"ward-3"}
        assert covered(scope, save(connection, moved, 0, before)).points == {"ward-3", "bar"}
