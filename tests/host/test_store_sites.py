"""Sites in the database: what was imported is what is read, ids stay for ever, no row is ever deleted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sites import HOSPITAL, minutes, sites
from sqlalchemy import Connection, func, select, text

from hymio.common.errors import Failure
from hymio.site.diff import apply, plan_import
from hymio.site.model import Organisation, Placement, Site
from hymio.site.read import parse_site
from hymio.site.read_csv import parse_csv_site
from hymio.site.write import placements_csv, places_csv, site_toml
from hymio.store import schema
from hymio.store.database import Store
from hymio.store.sites import StoredSite, clashes, load_sites, lock_sites, save_changes, share_sites, sites_version

BASE = parse_site(HOSPITAL)
KEPT = (
    schema.organisations, schema.nodes, schema.questions, schema.surveys, schema.follow_ups, schema.follow_up_options,
    schema.placements,
)  # fmt: skip
each_store = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Undo(Exception):
    """Ends a transaction without a trace: the database is shared, and terminals can't stand in two sites."""


@contextmanager
def undone(store: Store) -> Iterator[Connection]:
    try:
        with store.writing() as connection:
            yield connection
            raise Undo
    except Undo:
        pass


def save(connection: Connection, site: Site, at: int, stored: StoredSite | None = None) -> StoredSite:
    plan = plan_import(stored.site if stored else None, site, at)
    number = save_changes(connection, stored.id if stored else None, plan.changes)
    found = next(one for one in load_sites(connection) if one.id == number)
    assert found.site == plan.site
    return found


def rows(connection: Connection) -> dict[str, set[int]]:
    return {table.name: set(connection.execute(select(table.c.id)).scalars()) for table in KEPT}


@each_store
@given(sites(), minutes)
def test_what_was_saved_is_read(store: Store, site: Site, at: int) -> None:
    with undone(store) as connection:
        found = save(connection, site, at).site
    assert found == site
    assert parse_site(site_toml(found)) == site
    assert parse_csv_site(places_csv(found), placements_csv(found), found) == site


@each_store
@given(st.lists(sites(), min_size=2, max_size=3), minutes)
def test_ids_stay_and_nothing_is_deleted(store: Store, some: list[Site], at: int) -> None:
    with undone(store) as connection:
        stored = save(connection, some[0], at)
        for number, site in enumerate(some[1:]):
            version, before = sites_version(connection), rows(connection)
            if plan_import(stored.site, site, at + number).problems:
                continue
            after = save(connection, site, at + number, stored)
            for ids in ("nodes", "questions", "surveys"):
                assert getattr(stored, ids).items() <= getattr(after, ids).items()
            assert all(before[name] <= now for name, now in rows(connection).items())
            assert (sites_version(connection) == version) == (after == stored)
            stored = after


def test_sites_stand_beside_each_other(store: Store) -> None:
    with undone(store) as connection:
        one = save(connection, BASE, 0)
        moved = [replace(stay, device_id=f"{stay.device_id}-b") for stay in BASE.placements]
        of_other = replace(BASE, organisation=replace(BASE.organisation, key="other"), placements=tuple(moved))
        second = save(connection, of_other, 0)
        found = load_sites(connection)
        assert found[-2:] == (one, second)
        assert not set(one.nodes.values()) & set(second.nodes.values())
        assert one.node_keys[one.nodes["bar"]] == "bar" and second.survey_keys.keys().isdisjoint(one.survey_keys)


def test_a_follow_up_that_comes_back_is_the_same_one(store: Store) -> None:
    survey = BASE.surveys[0]
    without = replace(BASE, surveys=(replace(survey, follow_ups=()),))
    follow_up = survey.follow_ups[0]
    turned = replace(
        BASE, surveys=(replace(survey, follow_ups=(replace(follow_up, options=follow_up.options[::-1]),)),)
    )
    with undone(store) as connection:
        first = save(connection, BASE, 0)
        before = rows(connection)
        for site in (without, turned, without, BASE):
            assert save(connection, site, 0, first).site == site
            first = replace(first, site=site)
            assert rows(connection) == before


def test_nothing_to_change_is_no_new_version(store: Store) -> None:
    with undone(store) as connection:
        stored = save(connection, BASE, 0)
        version = sites_version(connection)
        assert version > 0
        assert save(connection, BASE, 60, stored) == stored
        assert sites_version(connection) == version
        assert connection.execute(select(func.count()).select_from(schema.nodes)).scalar_one() >= 3


def test_who_changes_a_site_waits_for_those_who_add_presses_up(store: Store) -> None:
    if store.engine.dialect.name == "sqlite":
        return  # it has one writer

    def hurry(connection: Connection) -> Connection:
        connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
        return connection

    with store.writing() as one:
        share_sites(one)
        with store.writing() as other:
            share_sites(hurry(other))
        with pytest.raises(Failure, match="lock timeout"), store.writing() as other:
            lock_sites(hurry(other))
    with store.writing() as one:
        lock_sites(one)
        with pytest.raises(Failure, match="lock timeout"), store.writing() as other:
            share_sites(hurry(other))


def at(point: str, since: int, until: int | None = None, device_id: str = "till-1") -> Placement:
    return Placement(device_id, point, since, until)


NOON = 29_500_000


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (at("bar", NOON), at("hall", NOON + 60), "placement till-1 from 2026-02-02T02:40:00+00:00: from"),
        (at("bar", NOON, NOON + 60), at("hall", NOON + 60), None),
        (at("bar", NOON + 60), at("hall", NOON, NOON + 60), None),
        (
            at("bar", NOON + 59),
            at("hall", NOON, NOON + 60),
            "stands at hall of theirs from 2026-02-02T02:40:00+00:00 to 2026-02-02T03:40:00+00:00",
        ),
        (at("bar", NOON, NOON), at("hall", NOON), "one place at a time"),  # withdrawn: its beginning is still its name
        (at("bar", NOON + 1, NOON + 1), at("hall", NOON), None),
        (at("bar", NOON), at("hall", NOON, device_id="till-2"), None),
    ],
)
def test_a_terminal_stands_in_one_organisation(ours: Placement, theirs: Placement, said: str | None) -> None:
    site = Site(Organisation("ours", "Ours"), placements=(ours,))
    other = Site(Organisation("theirs", "Theirs"), placements=(theirs,))
    found = " ".join(str(problem) for problem in clashes(site, [other]))
    assert (said is None) == (not found)
    assert said is None or said in found


@given(sites(), sites(), minutes)
def test_a_plan_for_nothing_names_all_of_it(site: Site, other: Site, minute: int) -> None:
    plan = plan_import(None, site, minute)
    assert plan.site == site and not plan.problems
    empty = Site(Organisation("org", "?"))
    assert apply(empty, plan.changes) == site
    assert {change.kind.value for change in plan.changes} == {"added"}
