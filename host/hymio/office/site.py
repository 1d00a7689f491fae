"""`hymio site`: a site goes from files into the database and out again; what an import would do; what there is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select

from hymio.common.errors import BROKEN_OFF, WRONG_USE, Failure
from hymio.common.output import console, note, print_json, print_line
from hymio.site import moments
from hymio.site.diff import ChangeKind, ImportPlan, SiteChange, plan_import
from hymio.site.model import Site
from hymio.site.present import present_values, standing
from hymio.site.read import FaultyFiles, SiteFile, read_site
from hymio.site.read_csv import read_csv_site
from hymio.site.tree import site_tree
from hymio.site.values import as_json_values, site_values
from hymio.site.write import csv_bytes, placements_csv, places_csv, site_toml
from hymio.store import schema
from hymio.store.audit import record
from hymio.store.corrections import recompute
from hymio.store.database import open_store
from hymio.store.known_terminals import forgotten
from hymio.store.places import load_places, places_of_sites
from hymio.store.sites import StoredSite, clashes, load_sites, lock_sites, save_changes

TEMPLATES: Final = Path(moments.__file__).with_name("templates")
_SHOWN_MAX: Final = 100
"""More changes than this are only counted after an import."""
_NEAR_MAX: Final = 5
_NO_SITE: Final = '`hymio site import site.toml` brings one; host/README.md, "Sites", shows how it is written.'


def run_import(db: str, files: Sequence[Path], organisation: str | None, dry_run: bool, as_json: bool) -> None:
    """Makes the database's site what the files say, in one transaction.

    Raises:
        Failure: 2, something is wrong with the files or the options. Its subclass FaultyFiles: all of it. Nothing was
            touched.
    """
    from_toml = _read_toml(files, organisation)
    store = open_store(db, create=from_toml is not None and not dry_run)
    try:
        with store.reading() if dry_run else store.writing() as connection:
            if not dry_run:
                lock_sites(connection)
            sites = load_sites(connection)
            stored, plan = _plan(sites, from_toml, files, organisation)
            if plan.changes and not dry_run:
                before = places_of_sites(sites)
                save_changes(connection, stored.id if stored else None, plan.changes)
                recompute(connection, before, load_places(connection), time.time())
                record(connection, "site.import", _for_audit(plan))
    finally:
        store.close()
    _show_plan(plan, as_json, dry_run, _SHOWN_MAX)


def run_diff(db: str, files: Sequence[Path], organisation: str | None, as_json: bool) -> bool:
    """Shows what an import would do, and gives whether that is nothing.

    Raises:
        Failure: as `run_import` does.
    """
    from_toml = _read_toml(files, organisation)
    store = open_store(db)
    try:
        with store.reading() as connection:
            _, plan = _plan(load_sites(connection), from_toml, files, organisation)
    finally:
        store.close()
    _show_plan(plan, as_json, True, len(plan.changes))
    return not plan.changes


def run_export(db: str, organisation: str | None, directory: Path | None, as_json: bool) -> None:
    """Writes the site as TOML to stdout, or as two CSV files.

    Raises:
        Failure: 2, there is no such organisation, or several; 6, a file can't be written.
    """
    site = chosen_site(_sites(db), organisation).site
    if directory is not None:
        files = {"places": places_csv(site), "placements": placements_csv(site)}
        paths = {name: directory / f"{name}.csv" for name in files}
        try:
            directory.mkdir(parents=True, exist_ok=True)
            for name, path in paths.items():
                path.write_bytes(csv_bytes(files[name]))
        except OSError as error:
            raise Failure(
                BROKEN_OFF, f"{error.filename}: {error.strerror}.", "Give --csv a directory that can be written to."
            ) from error
        if as_json:
            key = site.organisation.key
            print_json({"organisation": key, "files": {name: str(path) for name, path in paths.items()}})
        else:
            for path in paths.values():
                print_line(str(path))
    elif as_json:
        print_json({"organisation": site.organisation.key, "site": as_json_values(site_values(site))})
    else:
        print_line(site_toml(site).rstrip("\n"))


def run_show(db: str, organisation: str | None, with_past: bool, as_json: bool) -> None:
    """Shows the trees of all organisations, or of one, and the terminals that stand nowhere.

    Raises:
        Failure: 2, there is no such organisation.
    """
    store = open_store(db)
    try:
        with store.reading() as connection:
            sites = load_sites(connection)
            terminals = _terminals(connection)
    finally:
        store.close()
    now = _now_minute()
    shown = sites if organisation is None else (chosen_site(sites, organisation),)
    unplaced = sorted(terminals - {one.device_id for stored in sites for one in standing(stored.site, now)})
    if as_json:
        print_json(
            {
                "utc": now * 60.0,
                "organisations": [present_values(stored.site, now, with_past) for stored in shown],
                "unplaced": unplaced,
            }
        )
        return
    for stored in shown:
        console().print(site_tree(stored.site, now, with_past))
    if not sites:
        note(f"There is no organisation in the database. {_NO_SITE}")
    if unplaced:
        print_line(f"Without a placement: {', '.join(unplaced)}")


def run_template(name: str, as_json: bool) -> None:
    """Prints a small site whose surveys begin today."""
    text = (TEMPLATES / f"{name}.toml").read_text(encoding="utf-8").replace("FIRST_DAY", date.today().isoformat())
    if as_json:
        print_json({"name": name, "toml": text})
    else:
        print_line(text.rstrip("\n"))


def chosen_site(sites: Sequence[StoredSite], organisation: str | None) -> StoredSite:
    """The site of an organisation; None: of the only one.

    Raises:
        Failure: 2, there is no such organisation, or several.
    """
    keys = [stored.site.organisation.key for stored in sites]
    if not keys:
        raise Failure(WRONG_USE, "There is no organisation in the database.", _NO_SITE)
    if organisation is None and len(keys) > 1:
        raise Failure(
            WRONG_USE,
            f"The database has {len(keys)} organisations: {', '.join(keys)}.",
            "Say which: --organisation KEY.",
        )
    if organisation is not None and organisation not in keys:
        near = get_close_matches(organisation, keys) or keys[:10]
        raise Failure(
            WRONG_USE, f"There is no organisation {organisation} in the database.", f"Give one of {', '.join(near)}."
        )
    return sites[0 if organisation is None else keys.index(organisation)]


def chosen_place(stored: StoredSite, key: str | None, option: str) -> int | None:
    """The id of a group or an experience point; None, as `key` is: all of the organisation.

    Raises:
        Failure: 2, there is none of that key; names the option.
    """
    if key is None or key in stored.nodes:
        return None if key is None else stored.nodes[key]
    near, organisation = ", ".join(_near(stored.site, key)), stored.site.organisation.key
    raise Failure(
        WRONG_USE,
        f"{option}: expected the key of a group or an experience point of {organisation}, came {key!r}.",
        f"Near it are {near}." if near else f"`hymio site show` lists the keys; without {option} it is all of it.",
    )


def _near(site: Site, key: str) -> list[str]:
    """Keys that are like it, or whose names are."""
    names: dict[str, str] = {node.name.casefold(): node.key for node in site.nodes}
    names |= {node.key: node.key for node in site.nodes}
    return list(dict.fromkeys(names[one] for one in get_close_matches(key.casefold(), names, _NEAR_MAX)))


def _sites(db: str) -> tuple[StoredSite, ...]:
    store = open_store(db)
    try:
        with store.reading() as connection:
            return load_sites(connection)
    finally:
        store.close()


def _read_toml(files: Sequence[Path], organisation: str | None) -> SiteFile | None:
    """The site of the one file; None: they are two CSV files, which need what the database has.

    Raises:
        Failure: 2, as `run_import` does.
    """
    tables = [path for path in files if path.suffix.casefold() == ".csv"]
    if len(files) == 1 and not tables:
        found = read_site(files[0])
        key = found.site.organisation.key
        if organisation not in (None, key):
            raise Failure(
                WRONG_USE, f"{files[0]} is the site of {key}, not of {organisation}.", "Leave --organisation out."
            )
        return found
    if len(files) != 2 or len(tables) != 2:
        raise Failure(
            WRONG_USE,
            f"Expected one TOML file or two CSV files, came {', '.join(map(str, files))}.",
            "Give site.toml, or places.csv and placements.csv as `hymio site export --csv DIR` writes them.",
        )
    return None


def _plan(
    sites: Sequence[StoredSite], from_toml: SiteFile | None, files: Sequence[Path], organisation: str | None
) -> tuple[StoredSite | None, ImportPlan]:
    """The site that the files are about (None: of a new organisation), and what importing them now would do to it.

    Raises:
        Failure: 2, as `run_import` does.
    """
    if from_toml is None:
        stored: StoredSite | None = chosen_site(sites, organisation)
        assert stored is not None
        found = read_csv_site(files[0], files[1], stored.site)
    else:
        found = from_toml
        key = found.site.organisation.key
        stored = next((one for one in sites if one.site.organisation.key == key), None)
    plan = plan_import(stored.site if stored else None, found.site, _now_minute())
    faults = [*plan.problems, *clashes(plan.site, [one.site for one in sites if one is not stored])]
    if faults:
        located = [found.fault_of(problem) for problem in faults]
        raise FaultyFiles(sorted(located, key=lambda fault: (fault.file, fault.line)))
    return stored, plan


def _now_minute() -> int:
    return int(time.time()) // moments.MINUTE_S


def _counts(changes: Sequence[SiteChange]) -> dict[str, int]:
    kinds = Counter(change.kind for change in changes)
    return {kind.value: kinds[kind] for kind in ChangeKind}


def _show_plan(plan: ImportPlan, as_json: bool, dry_run: bool, most: int) -> None:
    organisation = plan.site.organisation
    counts = _counts(plan.changes)
    if as_json:
        changes = [change.as_values() for change in plan.changes]
        print_json({"organisation": organisation.key, "dry_run": dry_run, **counts, "changes": changes})
        return
    for change in plan.changes[:most]:
        print_line(str(change))
    if len(plan.changes) > most:
        print_line(f"... and {len(plan.changes) - most} more")
    said = ", ".join(f"{number} {kind}" for kind, number in counts.items() if number)
    done = " Nothing was changed, this was to see it only." if dry_run and plan.changes else ""
    note(f"{organisation.name} ({organisation.key}): {said or 'nothing to change'}.{done}")


def _for_audit(plan: ImportPlan) -> dict[str, Any]:
    """What was there before is nowhere else afterwards, so all of it; what was added is in the tables."""
    values = [change.as_values() for change in plan.changes]
    return {
        "organisation": plan.site.organisation.key,
        "added": [" ".join(change.subject) for change in plan.changes if change.kind is ChangeKind.ADDED],
        "changed": [one for one in values if one["change"] == ChangeKind.CHANGED],
        "ended": [one for one in values if one["change"] == ChangeKind.ENDED],
    }


def _terminals(connection: Connection) -> set[str]:
    """All that the database has heard of, but for those that are retired."""
    heard = set(connection.execute(select(schema.logs.c.device_id).distinct()).scalars())
    return heard - forgotten(connection).keys()
