"""`hymio wall`: a link is told once, kept as a digest, listed and ended; every change is in the audit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hymio_process import hymio_here
from schema_check import check
from served_world import CITY, OTHER, World
from sqlalchemy import select

from hymio.common.errors import WRONG_USE
from hymio.store.schema import wall_links
from hymio.store.wall_links import link_of


@pytest.fixture
def world(empty_db: Callable[[str], str]) -> Iterator[World]:
    """Two organisations."""
    made = World(empty_db("walls"), CITY, OTHER)
    yield made
    made.store.close()


def wall(world: World, *options: str) -> Any:
    return hymio_here("wall", *options, "--db", world.db)


LOBBY = ("create", "--name", "Lobby, left", "--organisation", "city", "--url", "https://votes.example/hymio/")


def test_a_link_is_told_once_and_opens_until_it_is_revoked(world: World) -> None:
    told = check("wall-create", wall(world, *LOBBY, "--place", "north", "--survey", "service", "--json").stdout)
    base, _, secret = told["address"].rpartition("/wall/")
    assert base == "https://votes.example/hymio" and (told["place"], told["survey"]) == ("north", "service")
    with world.store.reading() as connection:
        link = link_of(connection, secret)
        assert link is not None and (link.id, link.name) == (told["id"], "Lobby, left")
        for wrong in ("", secret[:-1], secret + "A", secret.swapcase(), "ä", "x" * 1000):
            assert link_of(connection, wrong) is None
        [row] = connection.execute(select(wall_links)).all()
        assert row.digest == hashlib.sha256(secret.encode()).hexdigest() and secret not in str(tuple(row))
    listed = wall(world, "list", "--json").stdout
    assert check("wall-list", listed)["walls"][0]["revoked_utc"] is None and secret not in listed
    assert "Lobby, left" in wall(world, "list").stdout
    revoked = check("wall-revoke", wall(world, "revoke", told["address"], "--json").stdout)
    again = check("wall-revoke", wall(world, "revoke", str(told["id"]), "--json").stdout)
    assert again["revoked_utc"] == revoked["revoked_utc"]
    assert "was revoked already" in wall(world, "revoke", "Lobby, left").stdout
    with world.store.reading() as connection:
        assert link_of(connection, secret) is None
    audit = [json.loads(line) for line in hymio_here("audit", "--db", world.db, "--json").stdout.splitlines()]
    assert [one["action"] for one in audit] == ["wall.revoke", "wall.create"] and secret not in str(audit)


def test_people_get_the_address_alone_on_stdout(world: World) -> None:
    done = wall(world, *LOBBY)
    assert done.stdout.startswith("https://votes.example/hymio/wall/") and len(done.stdout.splitlines()) == 1
    assert "It is shown this once" in done.stderr
    assert "There is a wall Lobby, left already" in wall(world, *LOBBY).stderr
    assert wall(world, "revoke", "Lobby, left").returncode == 0
    assert wall(world, *LOBBY).returncode == 0, "the name is free again"


WRONG = (
    (("create", "--name", "A"), "The database has 2 organisations"),
    ((*LOBBY, "--place", "nort"), "--place: expected the key of a group or an experience point of city, came 'nort'"),
    ((*LOBBY, "--survey", "servic"), "--survey: expected the key of a survey with four faces of city, came 'servic'"),
    ((*LOBBY, "--survey", "phone"), "--survey: expected the key of a survey with four faces of city, came 'phone'"),
    ((*LOBBY, "--name", "7"), "--name: expected 1 to"),
    ((*LOBBY, "--url", "ftp://x"), "--url: expected the address by which the screen reaches the server"),
    (("revoke", "Lobby"), "There is no wall 'Lobby'."),
    (("revoke", "https://votes.example/wall/secret"), "There is no such wall."),
)


@pytest.mark.parametrize(("options", "said"), WRONG, ids=[" ".join(one[0]) for one in WRONG])
def test_what_can_t_be(world: World, options: tuple[str, ...], said: str) -> None:
    done = wall(world, *options)
    assert done.returncode == WRONG_USE and said in done.stderr and len(done.stderr.splitlines()) == 2
    assert check("wall-list", wall(world, "list", "--json").stdout)["walls"] == []
