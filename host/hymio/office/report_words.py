"""An answer of figures in words and rows, the same on every kind of report: terminal window, page, PDF, CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from hymio.locale.language import Language
from hymio.locale.sentence import Sentence, _, _n
from hymio.office.report_columns import Cell
from hymio.pages.faces import FACES

_TITLES: Final = {
    "terminal": _("Happy Index by terminal"),
    "place": _("Happy Index by place"),
    "group": _("Happy Index by group"),
    "survey": _("Happy Index by question"),
}
_SUBJECTS: Final = {"terminal": _("Terminal"), "place": _("Place"), "group": _("Group"), "survey": _("Question")}
_EACH: Final = {
    "hour": _("by the hour"),
    "weekday": _("by weekday"),
    "day": _("day by day"),
    "week": _("week by week"),
    "month": _("month by month"),
    "quarter": _("quarter by quarter"),
}
_TOO_FEW: Final = _("too few answers")
_HEADS: Final = {
    "time": _("Time"),
    "happy_index": _("Happy Index"),
    "difference": _("Difference"),
    "answers": _("Answers"),
    "satisfied": _("Satisfied"),
    "level": _("Level"),
    "filtered": _("Filtered"),
}


@dataclass(frozen=True)
class FiguresReport:
    """An answer as JSON, with or without a comparison, in a language, and what stands above it.

    title, subtitle: what it is, and of which time and how many answers. context: sentences that belong above the
    charts; notes: those that belong below.
    """

    answer: Mapping[str, Any]
    language: Language
    title: str
    subtitle: str
    context: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def cells(self) -> list[Cell]:
        """All of them."""
        found: list[Cell] = self.answer["cells"]
        return found

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """What rows are called, by key: by their name, and their key too where several have one name."""
        names = {cell["key"]: cell["name"] for cell in self.cells}
        times = Counter(names.values())
        return {key: name if times[name] == 1 else f"{name} ({key})" for key, name in names.items()}

    @property
    def is_compared(self) -> bool:
        """Whether its cells stand beside others."""
        return "compare" in self.answer

    @property
    def columns(self) -> list[str]:
        """The columns of `table_of`: subject, time, ...; face-1 to face-4 are those of the faces."""
        return [
            "subject",
            *(["time"] if self.answer["per"] else []),
            "happy_index",
            *(["difference"] if self.is_compared else []),
            "answers",
            *(f"face-{button}" for button in FACES),
            "satisfied",
            "level",
            "filtered",
        ]

    def say(self, text: Sentence) -> str:
        """A sentence in its language."""
        return self.language.say(text)

    @cached_property
    def too_few(self) -> str:
        """What stands for a figure that is not shown."""
        return self.say(_TOO_FEW)

    @cached_property
    def no_answers(self) -> str:
        """What stands for a figure of nothing."""
        return self.say(_("no answers"))

    @cached_property
    def faces(self) -> list[str]:
        """What the faces are called, the very unhappy one first."""
        return [self.say(name) for name in FACES.values()]

    def answers(self, number: int) -> str:
        """So many answers."""
        return self.say(_n("%(count)s answer", "%(count)s answers", number))


def report_of(answer: Mapping[str, Any], language: Language) -> FiguresReport:
    """Finds the words for an answer as JSON (`FigureAnswer.as_json`, `ComparedAnswer.as_json`)."""
    per = answer["per"]
    title = f"{answer['name']}: {language.say(_TITLES[answer['by']])}"
    if per:
        title += f", {language.say(_EACH[per])}"
    shown = [cell for cell in answer["cells"] if not cell["suppressed"]]
    # Groups lie within each other: the first one holds them all.
    once = [cell for cell in shown if answer["by"] != "group" or cell["key"] == answer["cells"][0]["key"]]
    votes = sum(cell["votes"] for cell in once)
    said = _n("%(count)s answer", "%(count)s answers", votes)
    if len(shown) < len(answer["cells"]):
        said = _n("%(count)s answer shown", "%(count)s answers shown", votes)
    subtitle = f"{days_of(answer, language)} · {language.say(said)}"
    return FiguresReport(
        answer, language, title, subtitle, tuple(_context(answer, language)), tuple(_notes(answer, language))
    )


def days_of(answer: Mapping[str, Any], language: Language) -> str:
    """The time of an answer: `1 – 31 Mar 2026`."""
    first, after = (datetime.fromisoformat(answer[key]) for key in ("from_local", "to_local"))
    if (first.hour, first.minute, after.hour, after.minute) != (0, 0, 0, 0):
        return f"{language.moment(first)} – {language.moment(after)}"
    last = after - timedelta(days=1)
    if first.date() == last.date():
        return language.day(first.date())
    return language.days(first.date(), last.date())


def time_of(report: FiguresReport, cell: Cell) -> str:
    """The time of a cell in a row of a table; "" is all of it."""
    at, language = datetime.fromisoformat(cell["start_local"]), report.language
    match report.answer["per"]:
        case "hour":
            return language.moment(at)
        case "weekday":
            return language.weekday(at.weekday())
        case "day":
            return language.skeleton(at.date(), "yMMMEd")
        case "week":
            return report.say(_("week %(week)s of %(year)s", week=_week_of(cell), year=cell["bucket"][:4]))
        case "month":
            return language.skeleton(at.date(), "yMMMM")
        case "quarter":
            return language.skeleton(at.date(), "yQQQQ")
    return ""


def short_time_of(report: FiguresReport, cell: Cell) -> str:
    """The same below an axis, where there is little room."""
    at, language = datetime.fromisoformat(cell["start_local"]), report.language
    match report.answer["per"]:
        case "hour":
            return language.clock(at.time())
        case "weekday":
            return language.weekday(at.weekday(), "abbreviated")
        case "week":
            # For translators: the 12th week of the year, short.
            return report.say(_("W%(week)s", week=_week_of(cell)))
        case "month":
            return language.skeleton(at.date(), "yMMM")
        case "quarter":
            return language.skeleton(at.date(), "yQQQ")
    return short_day(report, at.date())


def short_day(report: FiguresReport, day: date) -> str:
    """A day below an axis."""
    return report.language.skeleton(day, "MMMd")


def happy_index_of(report: FiguresReport, cell: Cell) -> str:
    """`78.2 ± 4.1`, or why there is no figure."""
    if cell["suppressed"]:
        return report.too_few
    if cell["happy_index"] is None:
        return report.no_answers
    margin = cell["happy_index_margin"]
    number = report.language.number
    return number(cell["happy_index"], 1) + ("" if margin is None else f" ± {number(margin, 1)}")


def difference_of(report: FiguresReport, cell: Cell) -> str:
    """`+4.1 (1.2 to 7.0) *`; the star: more than chance. "" if one of both has no figure."""
    compared = cell.get("compared")
    if compared is None:
        return ""
    difference, low, high = (
        report.language.difference(compared[f"happy_index_difference{end}"]) for end in ("", "_low", "_high")
    )
    said = f"{difference} {_between(report, low, high)}"
    return said + (" *" if compared["real"] else "")


def table_of(report: FiguresReport) -> tuple[list[str], list[list[str]]]:
    """The table that people read: names of columns, and rows; the first `texts_in` columns are texts.

    Hours without presses are left out: most of a day's are.
    """
    heads = {"subject": _SUBJECTS[report.answer["by"]], **_HEADS}
    heads |= {f"face-{button}": name for button, name in FACES.items()}
    rows = []
    for cell in report.cells:
        if report.answer["per"] == "hour" and not (cell["suppressed"] or cell["votes"] or cell["misuse"]):
            continue
        row = _row(report, cell)
        rows.append([row[column] for column in report.columns])
    return [report.say(heads[column]) for column in report.columns], rows


def _row(report: FiguresReport, cell: Cell) -> dict[str, str]:
    language, csat = report.language, cell["csat"]
    row = {
        "subject": report.labels[cell["key"]],
        "time": time_of(report, cell),
        "happy_index": happy_index_of(report, cell),
        "difference": difference_of(report, cell),
        "answers": "",
        "satisfied": "",
        "level": cell["level"] or "",
        "filtered": "",
    }
    for button in FACES:
        row[f"face-{button}"] = "" if cell["faces"] is None else language.number(cell["faces"][button - 1])
    if cell["votes"] is not None:
        row["answers"] = language.number(cell["votes"])
        row["filtered"] = language.number(sum(cell["misuse"].values()))
    if csat is not None:
        low, high = (language.number(cell[f"csat_{end}"], 0) for end in ("low", "high"))
        row["satisfied"] = f"{language.percent(csat)} {_between(report, low, high)}"
    return row


def _between(report: FiguresReport, low: str, high: str) -> str:
    return report.say(_("(%(low)s to %(high)s)", low=low, high=high))


def _week_of(cell: Cell) -> int:
    return int(cell["bucket"].partition("-W")[2])


def texts_in(report: FiguresReport) -> int:
    """How many columns of `table_of` are texts; the others are numbers."""
    return 2 if report.answer["per"] else 1


def _context(answer: Mapping[str, Any], language: Language) -> Iterator[str]:
    for question in answer["questions"]:
        yield language.say(_('Customers were asked: "%(question)s"', question=question))
    if "compare" in answer:
        other = answer["compare"]
        yield language.say(_("Compared with %(name)s, %(days)s", name=other["name"], days=days_of(other, language)))


def _notes(answer: Mapping[str, Any], language: Language) -> Iterator[str]:
    yield language.say(
        _(
            "The Happy Index is 100 if everybody pressed the very happy face, and 0 if everybody pressed the very"
            " unhappy one. With 95 %% certainty the true one lies within the interval (±): the more answers, the"
            " smaller it is."
        )
    )
    if "compare" in answer:
        yield language.say(
            _(
                "Differences are in points, with their 95 %% intervals. A star: more than chance. Of all that have one,"
                " one in twenty is chance nevertheless (Benjamini-Hochberg)."
            )
        )
    if any(cell["suppressed"] for cell in answer["cells"]):
        yield language.say(
            _(
                '"%(too_few)s": nobody is to be found out, so small numbers are not shown, nor what would give them'
                " away by subtraction. Whole weeks, months and quarters show the most.",
                too_few=_TOO_FEW,
            )
        )
