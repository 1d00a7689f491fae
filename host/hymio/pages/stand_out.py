"""What stands out on a page, in whole sentences: what a manager wants to know within five seconds.

Nothing is said that may be chance: each sentence rests on a comparison whose interval leaves chance out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from hymio.locale.language import Language
from hymio.locale.sentence import Sentence, _
from hymio.pages.labels import BEFORE, bucket_label, filtered_label, text_in, week_hour_label
from hymio.pages.periods import Period
from hymio.pages.place_figures import Values

_MISUSE_FROM: Final = 10.0
"""Per cent of all presses: less is children as they are."""
_UNUSUAL_MAX: Final = 1
_SHOWN_MAX: Final = 5
_BUCKETS: Final = {"hour": _("at %(bucket)s"), "day": _("on %(bucket)s")}
_WEEK: Final = _("in the week of %(bucket)s")


@dataclass(frozen=True, slots=True)
class StandsOut:
    """One thing. is_bad: whether it hurts. address: where more of it is, on this page or another one."""

    said: Sentence
    is_bad: bool
    address: str


def standing_out(
    now: Values | None, rest: Values, place: Values, period: Period, language: Language
) -> list[StandsOut]:
    """What hurts first, then what went well."""
    found = [
        *_lowest_place(rest.get("places"), place, language),
        *_against_before(now, period, language),
        *_unusual(rest["trend"], language),
        *_worst_hour(rest.get("moments"), language),
        *_reason(rest.get("reasons"), language),
        *_filtered(now, language),
    ]
    bad, good = [one for one in found if one.is_bad], [one for one in found if not one.is_bad]
    return [*bad[:_SHOWN_MAX], *good[: max(1, _SHOWN_MAX - len(bad))]]


def _against_before(now: Values | None, period: Period, language: Language) -> Iterator[StandsOut]:
    difference = None if now is None else now["difference"]
    if difference is None or not difference["is_real"]:
        return
    points, before = language.number(abs(difference["value"]), 1), BEFORE[period.kind]
    if difference["value"] < 0:
        said = _("The Happy Index is %(points)s points lower than %(before)s", points=points, before=before)
    else:
        said = _("The Happy Index is %(points)s points higher than %(before)s", points=points, before=before)
    yield StandsOut(said, difference["value"] < 0, "#trend")


def _lowest_place(places: Values | None, place: Values, language: Language) -> Iterator[StandsOut]:
    rows = [] if places is None else [row for row in places["rows"] if row["best_rank"] is not None]
    if len(rows) < 2:
        return
    lowest, highest = rows[0], rows[-1]
    if lowest["best_rank"] == 1:  # it may be the best as well
        return
    for row, is_bad in ((lowest, True), (highest, False)):
        is_own = row["key"] == place["key"]
        if place["kind"] == "point" and not is_own:
            continue
        values = {"place": row["name"], "index": language.number(row["happy_index"], 1)}
        if is_bad:
            yield StandsOut(_("%(place)s is the lowest: %(index)s", **values), True, "#places")
        elif is_own and row["worst_rank"] < len(rows):
            yield StandsOut(_("%(place)s is among the highest: %(index)s", **values), False, "#places")


def _worst_hour(moments: Values | None, language: Language) -> Iterator[StandsOut]:
    if moments is None or not moments["are_told_apart"]:
        return
    worst, best = moments["worst"], moments["best"]
    said = _(
        "The worst hour is %(worst)s: %(index)s. The best one is %(best)s: %(best_index)s",
        worst=week_hour_label(language, worst), index=language.number(worst["happy_index"], 1),
        best=week_hour_label(language, best), best_index=language.number(best["happy_index"], 1),
    )  # fmt: skip
    yield StandsOut(said, True, "#hours")


def _reason(reasons: Any, language: Language) -> Iterator[StandsOut]:
    asked = [one for one in reasons or [] if one["options"] and not one["is_happy"]]
    for one in sorted(asked, key=lambda one: -sum(option["answers"] for option in one["options"]))[:1]:
        options = one["options"]
        if len(options) < 2 or options[0]["low"] <= options[1]["high"]:
            continue
        values = {"reason": text_in(language, options[0]["texts"]), "share": language.percent(options[0]["share"])}
        yield StandsOut(
            _("Most often it was \u201c%(reason)s\u201d: %(share)s of the answers", **values), True, "#reasons"
        )


def _unusual(trend: Values, language: Language) -> Iterator[StandsOut]:
    points = [point for point in trend["points"] if point["verdict"] in ("better", "worse")]
    for point in points[-_UNUSUAL_MAX:]:
        values = {
            "when": Sentence(
                _BUCKETS.get(trend["per"], _WEEK).text,
                values={"bucket": bucket_label(language, trend["per"], point["start_local"])},
            ),
            "index": language.number(point["happy_index"], 1),
            "expected": language.number(point["expected"], 1),
        }
        is_bad = point["verdict"] == "worse"
        if is_bad:
            said = _("Lower than usual %(when)s: %(index)s, where %(expected)s was to be expected", **values)
        else:
            said = _("Higher than usual %(when)s: %(index)s, where %(expected)s was to be expected", **values)
        yield StandsOut(said, is_bad, "#trend")


def _filtered(now: Values | None, language: Language) -> Iterator[StandsOut]:
    found = None if now is None else now["misuse"]
    if found is None or found["share"] is None or found["share"] < _MISUSE_FROM:
        return
    reason, _presses = next(iter(found["by_reason"].items()))
    values = {"share": language.percent(found["share"]), "reason": filtered_label(reason)}
    yield StandsOut(_("%(share)s of the presses were no votes, most of them %(reason)s", **values), True, "#misuse")
