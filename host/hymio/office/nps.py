"""`hymio nps`: would they recommend us, by place and channel, with response rates; and the same people asked again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import console, print_json, print_line
from hymio.common.spreadsheets import csv_text
from hymio.figures.one_place import OnePlace
from hymio.figures.reading import FigureReader
from hymio.figures.recommend import panel_json, panel_of, panel_side, recommendations
from hymio.figures.wall_time import stretch_of
from hymio.store.database import open_store


@dataclass(frozen=True, slots=True)
class NpsAsked:
    """What is asked: the options of `hymio nps`."""

    organisation: str | None
    scope: str | None
    start: str | None
    end: str | None
    before: str | None
    after: str | None


def run_nps(db: str, asked: NpsAsked, as_json: bool, as_csv: bool) -> None:
    """Reads the scores and tells them.

    Raises:
        Failure: 2, there is no such place, time or survey.
    """
    is_panel = asked.before is not None or asked.after is not None
    if is_panel and (asked.before is None or asked.after is None or asked.start is not None or asked.end is not None):
        raise Failure(
            WRONG_USE,
            "Expected --before and --after together, without --from and --to.",
            "For example: --before 2026-Q1 --after 2026-Q2.",
        )
    store = open_store(db)
    try:
        with store.reading() as connection:
            reader = FigureReader(connection, time.time())
            place = OnePlace(asked.organisation, asked.scope)
            if asked.before is not None and asked.after is not None:
                sides = [panel_side(reader, place, said) for said in (asked.before, asked.after)]
                said = {"scope": place.scope(reader).name, **panel_json(panel_of(reader, place, *sides), *sides)}
            else:
                stretch = stretch_of(
                    asked.start, asked.end, place.scope(reader).zone, _first_day(reader), reader.now_utc
                )
                said = recommendations(reader, place, stretch).as_json()
    except ValueError as error:
        raise Failure(
            WRONG_USE, str(error), "`hymio nps --help` shows examples, `hymio site show` the keys."
        ) from error
    finally:
        store.close()
    rows = said["changes" if is_panel else "rows"]
    if as_json:
        print_json(said)
    elif as_csv:
        names = list(rows[0]) if rows else []
        print_line(csv_text(names, [list(row.values()) for row in rows]).replace("\r\n", "\n").rstrip("\n"))
    elif is_panel:
        _show_panel(said)
    else:
        _show_rows(said["scope"], rows)


def _first_day(reader: FigureReader) -> str | None:
    """Of the first answer, or the first invitation; UTC, a day early."""
    from datetime import UTC, datetime, timedelta

    from sqlalchemy import func, select

    from hymio.store.schema import answers, invitations

    firsts = [
        reader.connection.execute(select(func.min(column))).scalar()
        for column in (answers.c.answered_utc, invitations.c.sent_utc)
    ]
    known = [one for one in firsts if one is not None]
    return (datetime.fromtimestamp(min(known), UTC) - timedelta(1)).date().isoformat() if known else None


def _show_rows(scope: str, rows: list[dict[str, Any]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    screen = console()
    screen.print(f"[bold]{escape(scope)}[/]: Net Promoter Score, -100 to 100, from answers of 0 to 10 alone")
    if not rows:
        screen.print("Nobody was asked the 0-10 question in that time, or nobody has answered.")
        return
    table = Table(box=None)
    for name in ("place", "by"):
        table.add_column(name)
    for name in ("answers", "score", "95 %", "sent", "answered", "response"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        score, between = "too few", ""
        if not row["suppressed"]:
            score = _number(row["nps"])
            between = "" if row["nps_low"] is None else f"{row['nps_low']:.0f} to {row['nps_high']:.0f}"
        rate = "" if row["response"] is None else (
            f"{row['response']:.0f}% ({row['response_low']:.0f}-{row['response_high']:.0f})"
        )  # fmt: skip
        numbers = (_number(row[name]) for name in ("sent", "answered"))
        place = "" if row["channel"] else escape(row["name"])
        table.add_row(place, row["channel"] or "all", _number(row["answers"]), score, between, *numbers, rate)
    screen.print(table)


def _show_panel(said: dict[str, Any]) -> None:
    from rich.table import Table

    if said["suppressed"]:
        print_line("Too few people have answered both times.")
        return
    low, high = said["difference_low"], said["difference_high"]
    print_line(
        f"{said['pairs']} people of {said['scope']} answered both times: {said['nps_before']:.0f} in {said['before']},"
        f" {said['nps_after']:.0f} in {said['after']}, which is {said['difference']:+.0f} ({low:+.0f} to {high:+.0f})."
    )
    kinds = ("detractor", "passive", "promoter")
    people = {(one["was"], one["is"]): one["people"] for one in said["changes"]}
    table = Table("were, and are", *kinds, box=None)
    for was in kinds:
        cells = (people[was, now] for now in kinds)
        table.add_row(was, *("too few" if one is None else str(one) for one in cells))
    console().print(table)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"
