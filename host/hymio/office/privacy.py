"""`hymio privacy`: what is kept of people, for how long, what they agreed to; one person's data shown or taken away."""

from __future__ import annotations

import threading
import time
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import note, print_json, print_line
from hymio.common.text_files import read_utf8
from hymio.office.site import chosen_site
from hymio.office.tokens import clock
from hymio.site.rules import LOCALE, is_line
from hymio.store.audit import account, record
from hymio.store.consents import add_consent, consents_of
from hymio.store.database import Store, open_store
from hymio.store.persons import OTHER_WAY, known_person, normal_address
from hymio.store.privacy import Counts, DataKind, data_of, erase, keep_days, kept_days, sweep
from hymio.store.sites import StoredSite, load_sites

CONSENT_MAX: Final = 500
"""Characters of a text that people agree to."""
DAYS_MAX: Final = 36_500
SWEEP_S: Final = 6 * 3600.0
"""How often `hymio serve` takes away what is too old; days are not told to the hour."""


@contextmanager
def _site(db: str, organisation: str | None, writes: bool = True) -> Any:
    store = open_store(db)
    try:
        with store.writing() if writes else store.reading() as connection:
            yield connection, chosen_site(load_sites(connection), organisation)
    finally:
        store.close()


def run_export(db: str, person: str, organisation: str | None) -> None:
    """Prints all that is kept of somebody, as JSON; the audit notes that, but not of whom.

    Raises:
        Failure: 2, it is no address, or there is no such organisation.
    """
    _checked_address(person)
    with _site(db, organisation) as (connection, stored):
        known = known_person(connection, person)
        found = data_of(connection, stored.id, known) if known else {}
        rows = {name: len(some) for name, some in found.items()}
        _note(connection, stored, "privacy.export", rows)
    print_json({"organisation": stored.site.organisation.key, "person": person, **(found or _NOBODY)})


_NOBODY: Final[Mapping[str, Sequence[Any]]] = {
    name: [] for name in ("answers", "contacts", "invitations", "cases", "case_notes", "unsubscribed")
}


def run_erase(db: str, person: str, organisation: str | None, as_json: bool) -> None:
    """Takes away what is kept of somebody; what was counted stays counted.

    Raises:
        Failure: 2, it is no address, or there is no such organisation.
    """
    _checked_address(person)
    with _site(db, organisation) as (connection, stored):
        known = known_person(connection, person)
        done: Counts = {}
        if known:
            done = erase(connection, stored.id, known, account(), time.time())
        _note(connection, stored, "privacy.erase", done)
    done = {name: done.get(name, 0) for name in _NOBODY if name != "unsubscribed"}
    if as_json:
        print_json({"organisation": stored.site.organisation.key, "erased": done})
        return
    said = ", ".join(f"{rows} {name.replace('_', ' ')}" for name, rows in done.items() if rows)
    print_line(f"Erased: {said}." if said else "Nothing was kept of that person.")
    note("Backups, and programs that were told by channels, keep what they have: host/spec/visitors.md says more.")


def run_keep(db: str, kind: DataKind, days: int | None, organisation: str | None, as_json: bool) -> None:
    """Says for how many days a kind of data is kept; None: until somebody says otherwise."""
    with _site(db, organisation) as (connection, stored):
        keep_days(connection, stored.id, kind, days)
        _note(connection, stored, "privacy.keep", {"kind": kind.value, "days": days})
    if as_json:
        print_json({"organisation": stored.site.organisation.key, "kind": kind.value, "days": days})
    else:
        print_line(f"{kind.value.capitalize()} are kept {_for(days)}.")


def run_show(db: str, organisation: str | None, as_json: bool) -> None:
    """Shows for how long what is kept, and what people agree to who leave an address."""
    with _site(db, organisation, writes=False) as (connection, stored):
        days = kept_days(connection, stored.id)
        consents = consents_of(connection, stored.id)
    if as_json:
        kept = {kind.value: some for kind, some in days.items()}
        versions = [{"version": one.version, "texts": one.texts, "from_utc": one.from_utc} for one in consents]
        print_json({"organisation": stored.site.organisation.key, "keep": kept, "consents": versions})
        return
    for kind, some in days.items():
        print_line(f"{kind.value.capitalize()} are kept {_for(some)}.")
    if not consents:
        print_line("No addresses are asked for: `hymio privacy consent` says what people agree to who leave one.")
    for one in consents:
        print_line(f"Consent {one.version}, from {clock(one.from_utc)} UTC:")
        for locale, text in sorted(one.texts.items()):
            print_line(f"  {locale}: {text}")


def run_consent(db: str, texts: Sequence[str], file: Path | None, organisation: str | None, as_json: bool) -> None:
    """Makes a new version of what people agree to who leave an address; without one no address is asked for.

    Args:
        db: the database.
        texts: LOCALE=TEXT each, or else
        file: TOML with a text for each locale.
        organisation: its key; None: the only one.
        as_json: whether a program reads what is printed.

    Raises:
        Failure: 2, a locale or a text can't be one, or the organisation's locale is missing.
    """
    given = _texts_of(texts) if file is None else _texts_in(file)
    with _site(db, organisation) as (connection, stored):
        own = stored.site.organisation
        if own.locale not in given:
            raise Failure(
                WRONG_USE,
                f"Expected a text in {own.locale}, the locale of {own.key}, came {', '.join(given) or 'none'}.",
                f"For example: --text {own.locale}='You may write to me about this answer.'",
            )
        made = add_consent(connection, stored.id, given, time.time())
        _note(connection, stored, "privacy.consent", {"version": made.version, "texts": given})
    if as_json:
        print_json({"organisation": own.key, "version": made.version, "texts": given, "from_utc": made.from_utc})
    else:
        print_line(f"Version {made.version} is shown from now on. Who agreed to an older one agreed to that.")


def run_sweep(db: str, as_json: bool) -> None:
    """Takes away what is older than it is to be kept, of all organisations."""
    store = open_store(db)
    try:
        done = sweep_all(store, time.time())
    finally:
        store.close()
    if as_json:
        print_json({"swept": [{"organisation": key, **counts} for key, counts in done.items()]})
        return
    for key, counts in done.items():
        said = ", ".join(f"{rows} {name.replace('_', ' ')}" for name, rows in counts.items() if rows)
        print_line(f"{key}: {said or 'nothing was too old'}.")


def sweep_all(store: Store, now_utc: float) -> dict[str, Counts]:
    """Does so, each organisation in a transaction of its own; gives the rows that were changed, by table."""
    done = {}
    with store.reading() as connection:
        sites = [(stored, kept_days(connection, stored.id)) for stored in load_sites(connection)]
    for stored, days in sites:
        counts: Counts = {}
        if any(days.values()):  # a replica that can only be read need not be written to
            with store.writing() as connection:
                counts = sweep(connection, stored.id, now_utc)
                if counts:
                    _note(connection, stored, "privacy.sweep", counts)
        tables = ("answers", "contacts", "invitations", "cases", "case_notes")
        done[stored.site.organisation.key] = {name: counts.get(name, 0) for name in tables}
    return done


class PrivacyRounds(threading.Thread):
    """Sweeps at once and then every `SWEEP_S`, from `start` to `end`, as long as `hymio serve` runs."""

    def __init__(self, store: Store) -> None:
        """Takes the database."""
        super().__init__(name="privacy", daemon=True)
        self._store, self._is_over = store, threading.Event()

    def run(self) -> None:
        """The rounds."""
        while not self._is_over.is_set():
            try:
                sweep_all(self._store, time.time())
            except Failure as failure:  # away, or a replica that can only be read: whoever writes to it sweeps
                note(f"Old data could not be taken away: {failure.message}")
            self._is_over.wait(SWEEP_S)

    def end(self) -> None:
        """Begins no other one."""
        self._is_over.set()


def _checked_address(person: str) -> None:
    if OTHER_WAY in person:  # somebody who was invited by another way, letter by letter as the list had it
        return
    try:
        normal_address(person)
    except ValueError:
        raise Failure(
            WRONG_USE,
            f"--person: expected an e-mail address or a telephone number, came {person!r}.",
            "Give it as they have typed it: eva@example.com, or +358 40 1234567.",
        ) from None


def _note(connection: Connection, stored: StoredSite, action: str, details: Mapping[str, Any]) -> None:
    record(connection, action, {"organisation": stored.site.organisation.key, **details})


def _for(days: int | None) -> str:
    return "until you say otherwise" if days is None else f"for {days} days" if days != 1 else "for 1 day"


def _texts_of(given: Sequence[str]) -> dict[str, str]:
    texts = {}
    for one in given:
        locale, _equals, text = one.partition("=")
        texts[locale] = _checked_text("--text", locale, text)
    return texts


def _texts_in(file: Path) -> dict[str, str]:
    try:
        found = tomllib.loads(read_utf8(file))
    except tomllib.TOMLDecodeError as error:
        raise Failure(WRONG_USE, f"{file} is no TOML: {error}.", "One line a language: en = 'You may ...'.") from None
    return {locale: _checked_text(str(file), locale, text) for locale, text in found.items()}


def _checked_text(where: str, locale: str, text: object) -> str:
    if not LOCALE.fullmatch(locale):
        raise Failure(
            WRONG_USE,
            f"{where}: expected a locale like en or en_US, came {locale!r}.",
            "For example: en='You may ...'.",
        )
    if not (isinstance(text, str) and is_line(text, CONSENT_MAX)):
        raise Failure(
            WRONG_USE,
            f"{where}: {locale}: expected 1 to {CONSENT_MAX} characters in one line, came {str(text)[:60]!r}.",
            "Say who writes, about what, and for how long the address is kept.",
        )
    return text
