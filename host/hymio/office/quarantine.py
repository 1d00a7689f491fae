"""`hymio quarantine`: what was kept because it could not be counted, and what a person decides about it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from hymio.common.errors import ANSWER_NO, WRONG_USE, Failure
from hymio.common.output import console, note, print_json, print_line
from hymio.common.words import counted, if_one
from hymio.store.arrivals import Arrival, StateSaid, Told, Uncountable, read_message
from hymio.store.database import Store, open_store
from hymio.store.ingest import Refusal, ingest_many
from hymio.store.log_update import BatchOutcome
from hymio.store.quarantine import Held, Sums, forget_not_kept, held, sums_of, take_out
from hymio.store.sites import share_sites

ID_CHARACTERS: Final = 12
"""How many characters of a digest are shown; any beginning that fits one message alone will do."""
_ID_LEAST: Final = 4


class _Stays(Exception):
    """A message still can't be taken in."""


def run_list(db: str, device_id: str | None, as_json: bool) -> None:
    """Shows what is in quarantine."""
    store = open_store(db)
    try:
        with store.reading() as connection:
            messages = held(connection, device_id=device_id)
            sums = [one for one in sums_of(connection) if device_id in (None, one.device_id)]
    finally:
        store.close()
    if as_json:
        print_json(
            {
                "quarantined": sum(one.quarantined for one in sums),
                "messages": [_as_json(one) for one in messages],
                "terminals": [
                    {
                        "device_id": one.device_id,
                        "kept": one.kept,
                        "kept_bytes": one.kept_bytes,
                        "not_kept": one.not_kept,
                        "released": one.released,
                        "dropped": one.dropped,
                    }
                    for one in sums
                ],
            }
        )
    else:
        _show(messages, sums)


def run_release(db: str, ids: Sequence[str], device_id: str | None, everything: bool, as_json: bool) -> None:
    """Tries once more to take the messages in, each by itself; what fails again stays.

    Raises:
        Failure: 1 some stay; 2 none were named, or an id fits none or several.
    """
    _check_chosen(ids, device_id, everything)
    released, rows, duplicates = 0, 0, 0
    stayed: list[tuple[Held, str]] = []  # each with the reason
    store = open_store(db)
    try:
        for one in _chosen(store, ids, device_id):
            try:
                outcome = _release(store, one)
            except _Stays as stays:
                stayed.append((one, str(stays)))
                continue
            released += 1
            rows += outcome.rows if outcome else 0
            duplicates += outcome.duplicates if outcome else 0
    finally:
        store.close()
    if as_json:
        print_json(
            {
                "released": released,
                "rows": rows,
                "duplicates": duplicates,
                "stayed": [{"id": one.digest[:ID_CHARACTERS], "device_id": one.device_id, "reason": why}
                           for one, why in stayed],
            }
        )  # fmt: skip
    else:
        for one, why in stayed:
            print_line(f"{one.digest[:ID_CHARACTERS]} {one.device_id}: {why}.")
        print_line(
            f"{counted(released, 'message')} taken in: {counted(rows, 'press')} {if_one(rows, 'is', 'are')} new,"
            f" {duplicates} had come. {len(stayed)} {if_one(len(stayed), 'stays', 'stay')}."
        )
    if stayed:
        raise Failure(
            ANSWER_NO,
            f"{counted(len(stayed), 'message')} could not be taken in and"
            f" {if_one(len(stayed), 'stays where it is', 'stay where they are')}.",
            "What nobody wants can be done away with: hymio quarantine drop.",
        )


def run_drop(db: str, ids: Sequence[str], device_id: str | None, everything: bool, yes: bool, as_json: bool) -> None:
    """Drops messages, and the count of what was not kept if whole terminals are named.

    Raises:
        Failure: 1 nobody has agreed to it; 2 none were named, or an id fits none or several.
    """
    _check_chosen(ids, device_id, everything)
    store = open_store(db)
    try:
        messages = _chosen(store, ids, device_id)
        not_kept = 0 if ids else _not_kept(store, device_id)
        if not (messages or not_kept):
            _tell_dropped(0, 0, as_json)
            return
        what = counted(len(messages), "message") + (
            f" and the count of {not_kept} that were not kept" if not_kept else ""
        )
        if not (yes or _agrees(f"{what} would be gone for good. Drop them?")):
            raise Failure(
                ANSWER_NO,
                f"{what} would be gone for good. Nothing was changed.",
                "If that is meant, run the same command with --yes; `hymio quarantine list` shows what they are.",
            )
        with store.writing() as connection:
            dropped = take_out(connection, messages, as_released=False)
            not_kept = 0 if ids else forget_not_kept(connection, device_id)
    finally:
        store.close()
    _tell_dropped(dropped, not_kept, as_json)


def _tell_dropped(dropped: int, not_kept: int, as_json: bool) -> None:
    if as_json:
        print_json({"dropped": dropped, "not_kept": not_kept})
    else:
        more = f", and the count of {not_kept} that were not kept" if not_kept else ""
        print_line(f"{counted(dropped, 'message')} dropped{more}.")


def _check_chosen(ids: Sequence[str], device_id: str | None, everything: bool) -> None:
    if sum((bool(ids), device_id is not None, everything)) != 1:
        raise Failure(
            WRONG_USE,
            "Name what is meant in one way: ids, or --device-id, or --all.",
            "`hymio quarantine list` shows the ids.",
        )
    for one in ids:
        if len(one) < _ID_LEAST or not set(one) <= set("0123456789abcdef"):
            raise Failure(
                WRONG_USE,
                f"{one!r} is no id: {_ID_LEAST} or more of 0-9 and a-f.",
                "`hymio quarantine list` shows the ids.",
            )


def _chosen(store: Store, ids: Sequence[str], device_id: str | None) -> list[Held]:
    with store.reading() as connection:
        messages = held(connection, ids, device_id)
    for begin in ids:
        fitting = [one for one in messages if one.digest.startswith(begin)]
        if len(fitting) != 1:
            raise Failure(
                WRONG_USE,
                f"{begin} is the beginning of {len(fitting)} ids in quarantine, not of one. Nothing was changed.",
                "`hymio quarantine list` shows the ids.",
            )
    return messages


def _not_kept(store: Store, device_id: str | None) -> int:
    with store.reading() as connection:
        return sum(one.not_kept for one in sums_of(connection) if device_id in (None, one.device_id))


def _release(store: Store, one: Held) -> BatchOutcome | None:
    """Takes a message out of quarantine and in, in one transaction; raises _Stays if it can't be taken in."""
    found = _read(one)
    try:
        with store.writing() as connection:
            share_sites(connection)  # before anything else is locked
            if not take_out(connection, [one], as_released=True):
                return None  # somebody else has decided in the meantime
            refusals: list[Refusal] = []
            arrivals, told = ([], [found]) if isinstance(found, Told) else ([found], [])
            outcomes = ingest_many(connection, arrivals, told, refusals=refusals)
            if refusals:
                raise _Stays(refusals[0][1])
            outcome = outcomes[0] if outcomes else None
            if outcome is not None and outcome.conflicts:
                raise _Stays(f"it contradicts what is there: {outcome.conflicts[0]}")
            return outcome
    except (Failure, _Stays):
        raise
    except Exception as error:
        raise _Stays(f"not taken in: {type(error).__name__}: {error}".splitlines()[0]) from error


def _read(one: Held) -> Arrival | Told:
    """What the message says, read by this hymio, which may know more than the one that kept it."""
    topic = one.source if "/" in one.source else f"hymio/{one.device_id}/votes"
    found = read_message(topic, one.payload, one.received_utc)
    match found:
        case Uncountable():
            raise _Stays(found.reason)
        case None | StateSaid():
            raise _Stays("it says nothing that could be counted")
        case Arrival() if "/" not in one.source:
            return Arrival(found.device_id, found.batch, one.source, found.received_utc, one.source, one.payload)
    return found


def _agrees(question: str) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    note(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _as_json(one: Held) -> dict[str, Any]:
    return {
        "id": one.digest[:ID_CHARACTERS],
        "device_id": one.device_id,
        "source": one.source,
        "reason": one.reason,
        "bytes": len(one.payload),
        "times": one.times,
        "received_utc": one.received_utc,
        "last_utc": one.last_utc,
    }


def _show(messages: Sequence[Held], sums: Sequence[Sums]) -> None:
    from rich.markup import escape
    from rich.table import Table

    if not any(one.quarantined for one in sums):
        note("Nothing is in quarantine.")
    if messages:
        table = Table("id", "terminal", "came", "times", "reason", box=None)
        for one in messages:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.last_utc))
            # What a stranger has sent must not move the cursor of whoever reads it.
            source = one.device_id or "".join(sign if sign.isprintable() else "?" for sign in one.source)
            reason = "".join(sign if sign.isprintable() else "?" for sign in one.reason)
            table.add_row(one.digest[:ID_CHARACTERS], escape(source), when, str(one.times), escape(reason))
        console().print(table)
    for its in sums:
        if its.not_kept:
            print_line(
                f"{its.device_id or 'Who names no terminal'} has filled its part; {its.not_kept} more were counted and"
                " not kept."
            )
