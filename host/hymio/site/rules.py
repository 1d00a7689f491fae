"""What makes a site sound: every fault of it at once, each with what was expected and what came.

The same rules hold for a file, for two CSV files and for what a store would be after an import.
"""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Final

from hymio.site import moments
from hymio.site.model import (
    PHONE_OPTIONS_MAX,
    STAFF_AT_LEAST,
    FollowUp,
    Node,
    NodeKind,
    Organisation,
    Placement,
    Site,
    Survey,
    places_of,
)
from hymio.wire.device_ids import is_device_id

NODES_MAX: Final = 20_000
QUESTIONS_MAX: Final = 2_000
SURVEYS_MAX: Final = 2_000
PLACEMENTS_MAX: Final = 200_000
DEPTH_MAX: Final = 12
CUSTOM_MAX: Final = 20
LOCALES_MAX: Final = 40
NAME_MAX: Final = 80
TEXT_MAX: Final = 200
OPTION_TEXT_MAX: Final = 60
CUSTOM_LABEL_MAX: Final = 40
CUSTOM_VALUE_MAX: Final = 200
TOO_FEW_MAX: Final = 1_000

KEY: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
KEY_EXPECTED: Final = "1 to 64 small letters, digits and hyphens, no hyphen first or last"
LOCALE: Final = re.compile(r"[a-z]{2}(?:_[A-Z]{2})?", re.ASCII)

Subject = tuple[str, ...]
"""Which thing of a site: ("organisation",), ("point", KEY), ("placement", DEVICE_ID, UTC MINUTE)..."""
Key = tuple[str | int, ...]
"""What of it: ("text", "en"), ("unhappy", "option", 0, "key")."""


def shown(came: object) -> str:
    """What came, on one line of bounded length."""
    if came is None:
        return "nothing"
    text = json.dumps(came, ensure_ascii=True, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def dotted(path: tuple[str | int, ...]) -> str:
    """A path as people write it: survey.service.unhappy.option[0].key."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part.encode('unicode_escape').decode()}"
    return text.lstrip(".") or "the file"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a site."""

    subject: Subject
    key: Key
    expected: str
    came: object
    """None: nothing came."""

    def __str__(self) -> str:
        """For people, where there is no file that has lines."""
        subject = self.subject
        if subject[:1] == ("placement",):
            subject = (subject[0], subject[1], "from", _moment(int(subject[2])))
        key = f"{dotted(self.key)}: " if self.key else ""
        return f"{' '.join(subject)}: {key}expected {self.expected}, came {shown(self.came)}."


def node_subject(node: Node) -> Subject:
    """What problems and changes of a place are about."""
    return (node.kind.value, node.key)


def placement_subject(placement: Placement) -> Subject:
    """What problems and changes of a placement are about."""
    return ("placement", placement.device_id, str(placement.from_utc_minute))


def near(name: str, known: Collection[str]) -> str:
    """The one that was perhaps meant, for the end of a sentence."""
    found = difflib.get_close_matches(name, known, 1) if len(known) <= 2_000 and len(name) <= 64 else []
    return f" (perhaps {found[0]})" if found else ""


def is_line(text: str, most: int) -> bool:
    """Whether it can be shown in one line: 1 to `most` characters, none that steers a screen, no blank at its ends."""
    return (
        1 <= len(text) <= most
        and text == text.strip()
        and not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in text)
    )


def problems(site: Site) -> list[Problem]:
    """All that is wrong with a site; none: it is sound."""
    return [
        *_counts(site),
        *organisation_problems(site.organisation),
        *_twice(site),
        *_tree(site),
        *_questions(site),
        *_surveys(site),
        *_clashes(site),
        *_placements(site),
    ]


def _counts(site: Site) -> Iterator[Problem]:
    for name, things, most in (
        ("place", site.nodes, NODES_MAX),
        ("question", site.questions, QUESTIONS_MAX),
        ("survey", site.surveys, SURVEYS_MAX),
        ("placement", site.placements, PLACEMENTS_MAX),
    ):
        if len(things) > most:
            yield Problem((), (name,), f"at most {most} of them", len(things))


def organisation_problems(organisation: Organisation) -> Iterator[Problem]:
    """What is wrong with the organisation itself."""
    subject = ("organisation",)
    if not KEY.fullmatch(organisation.key):
        yield Problem(subject, ("key",), KEY_EXPECTED, organisation.key)
    if not is_line(organisation.name, NAME_MAX):
        yield Problem(subject, ("name",), _line(NAME_MAX), organisation.name)
    if not LOCALE.fullmatch(organisation.locale):
        yield Problem(subject, ("locale",), "a locale like en or en_US", organisation.locale)
    yield from _zone(subject, organisation.time_zone)
    levels = (organisation.good, organisation.excellent, organisation.the_very_best)
    if not (0 <= levels[0] < levels[1] < levels[2] <= 100):
        said = "thresholds between 0 and 100, each higher than the one before (good, excellent, the_very_best)"
        yield Problem(subject, ("levels",), said, list(levels))
    for name, fewest, least in (
        ("customer", organisation.too_few_customer, 1),
        ("staff", organisation.too_few_staff, STAFF_AT_LEAST),
    ):
        if not least <= fewest <= TOO_FEW_MAX:
            yield Problem(subject, ("too_few", name), f"a whole number from {least} to {TOO_FEW_MAX}", fewest)


def _line(most: int) -> str:
    return f"a text of 1 to {most} characters in one line"


def _zone(subject: Subject, zone: str) -> Iterator[Problem]:
    if zone not in moments.zones():
        said = f"the name of a time zone like Europe/Helsinki{near(zone, moments.zones())}"
        yield Problem(subject, ("time_zone",), said, zone)


def _twice(site: Site) -> Iterator[Problem]:
    # One room of keys for groups and points: surveys name both alike.
    for subjects in (
        [node_subject(node) for node in site.nodes],
        [("question", question.key) for question in site.questions],
        [("survey", survey.key) for survey in site.surveys],
    ):
        seen: dict[str, Subject] = {}
        for subject in subjects:
            if subject[1] in seen:
                said = f"a key of its own ({'.'.join(seen[subject[1]])} has it too)"
                yield Problem(subject, ("key",), said, subject[1])
            seen.setdefault(subject[1], subject)


def _tree(site: Site) -> Iterator[Problem]:
    places = places_of(site)
    groups = {node.key for node in site.nodes if node.kind is NodeKind.GROUP}
    for node in site.nodes:
        subject = node_subject(node)
        if not KEY.fullmatch(node.key):
            yield Problem(subject, ("key",), KEY_EXPECTED, node.key)
        if not is_line(node.name, NAME_MAX):
            yield Problem(subject, ("name",), _line(NAME_MAX), node.name)
        if node.time_zone is not None:
            yield from _zone(subject, node.time_zone)
        if node.hours is not None and not node.hours.is_sound():
            yield Problem(subject, ("hours",), "seven days of spans, none of which runs into another one", node.hours)
        if len(node.custom) > CUSTOM_MAX:
            yield Problem(subject, ("custom",), f"at most {CUSTOM_MAX} of them", len(node.custom))
        for label, value in node.custom.items():
            if not is_line(label, CUSTOM_LABEL_MAX):
                yield Problem(subject, ("custom", label), f"a label of 1 to {CUSTOM_LABEL_MAX} characters", label)
            if not is_line(value, CUSTOM_VALUE_MAX):
                yield Problem(subject, ("custom", label), _line(CUSTOM_VALUE_MAX), value)
        if node.until_utc_minute is not None and not moments.is_in_bounds(node.until_utc_minute):
            yield Problem(subject, ("until",), "a moment of this century", node.until_utc_minute)
        if node.parent is None:
            continue
        if node.parent not in groups:
            other = "an experience point" if node.parent in places.by_key else "nothing of that key"
            said = f"the key of a group, but that is {other}{near(node.parent, groups)}"
            yield Problem(subject, ("parent",), said, node.parent)
            continue
        above = places.up(node.key)
        if above[-1].parent in {one.key for one in above}:
            if above[-1].parent == node.key:  # those that hang below a cycle are not its fault
                said = f"a group that is not below it ({' in '.join(one.key for one in above)} in {node.key})"
                yield Problem(subject, ("parent",), said, node.parent)
        elif len(above) > DEPTH_MAX:
            yield Problem(subject, ("parent",), f"at most {DEPTH_MAX} steps from the top", len(above))


def _texts(subject: Subject, key: Key, texts: Mapping[str, str], most: int, locale: str) -> Iterator[Problem]:
    if locale not in texts and LOCALE.fullmatch(locale):
        yield Problem(subject, key, f"a text in {locale}, the organisation's locale", ", ".join(texts) or None)
    if len(texts) > LOCALES_MAX:
        yield Problem(subject, key, f"at most {LOCALES_MAX} languages", len(texts))
    for name, text in texts.items():
        if not LOCALE.fullmatch(name):
            yield Problem(subject, (*key, name), "a locale like en or en_US", name)
        if not is_line(text, most):
            yield Problem(subject, (*key, name), _line(most), text)


def _questions(site: Site) -> Iterator[Problem]:
    for question in site.questions:
        subject = ("question", question.key)
        if not KEY.fullmatch(question.key):
            yield Problem(subject, ("key",), KEY_EXPECTED, question.key)
        yield from _texts(subject, ("text",), question.texts, TEXT_MAX, site.organisation.locale)


def _surveys(site: Site) -> Iterator[Problem]:
    nodes = {node.key for node in site.nodes}
    questions = {question.key for question in site.questions}
    for survey in site.surveys:
        subject = ("survey", survey.key)
        if not KEY.fullmatch(survey.key):
            yield Problem(subject, ("key",), KEY_EXPECTED, survey.key)
        if survey.question not in questions:
            said = f"the key of a question{near(survey.question, questions)}"
            yield Problem(subject, ("question",), said, survey.question)
        if not survey.at:
            yield Problem(subject, ("at",), "the keys of one or more places", list(survey.at))
        for index, key in enumerate(survey.at):
            if key not in nodes:
                yield Problem(subject, ("at", key), f"the key of a place{near(key, nodes)}", key)
            elif key in survey.at[:index]:
                yield Problem(subject, ("at", key), "each place once", key)
        years = f"a day of the years {moments.EARLIEST.year} to {moments.LATEST.year - 1}"
        if not moments.EARLIEST <= survey.first_day < moments.LATEST:
            yield Problem(subject, ("first_day",), years, survey.first_day)
        elif survey.last_day is not None and not moments.EARLIEST <= survey.last_day < moments.LATEST:
            yield Problem(subject, ("last_day",), years, survey.last_day)
        elif survey.last_day is not None and survey.last_day < survey.first_day - timedelta(days=1):
            yield Problem(subject, ("last_day",), f"a day not before {survey.first_day}", survey.last_day)
        if len({follow_up.positive for follow_up in survey.follow_ups}) < len(survey.follow_ups):
            said = "one follow-up for happy presses and one for unhappy ones, at most"
            yield Problem(subject, (), said, len(survey.follow_ups))
        for follow_up in survey.follow_ups:
            yield from _follow_up(subject, (follow_up.name,), follow_up, site.organisation.locale)


def _follow_up(subject: Subject, key: Key, follow_up: FollowUp, locale: str) -> Iterator[Problem]:
    yield from _texts(subject, (*key, "text"), follow_up.texts, TEXT_MAX, locale)
    if not 1 <= len(follow_up.options) <= PHONE_OPTIONS_MAX:
        said = f"1 to {PHONE_OPTIONS_MAX} options (a terminal asks the first four, a phone all)"
        yield Problem(subject, (*key, "option"), said, len(follow_up.options))
    for index, option in enumerate(follow_up.options):
        at: Key = (*key, "option", index)
        if not KEY.fullmatch(option.key):
            yield Problem(subject, (*at, "key"), KEY_EXPECTED, option.key)
        elif option.key in (one.key for one in follow_up.options[:index]):
            yield Problem(subject, (*at, "key"), "a key of its own", option.key)
        yield from _texts(subject, (*at, "text"), option.texts, OPTION_TEXT_MAX, locale)


def run_at_once(one: Survey, other: Survey) -> bool:
    """Whether two surveys have a day in common and are of one kind: who is asked, and on which scale."""
    return (
        (one.type, one.scale) == (other.type, other.scale)
        and not one.is_withdrawn
        and not other.is_withdrawn
        and (other.last_day is None or one.first_day <= other.last_day)
        and (one.last_day is None or other.first_day <= one.last_day)
    )


def _clashes(site: Site) -> Iterator[Problem]:
    places = places_of(site)
    points = {survey.at: places.points_at(survey) for survey in site.surveys}
    by_day = sorted(site.surveys, key=lambda survey: survey.first_day)
    running: list[Survey] = []
    for survey in by_day:
        running = [one for one in running if one.last_day is None or one.last_day >= survey.first_day]
        for one in running:
            if run_at_once(one, survey) and not points[one.at].isdisjoint(points[survey.at]):
                where = min(points[one.at] & points[survey.at])
                said = (
                    f"one survey for {survey.type} on the scale {survey.scale} at a point at a time, but {one.key} runs"
                    f" at {where} from {one.first_day} {_till(one)}"
                )
                yield Problem(("survey", survey.key), ("first_day",), said, survey.first_day)
        running.append(survey)


def _till(survey: Survey) -> str:
    return "on" if survey.last_day is None else f"to {survey.last_day}"


def _placements(site: Site) -> Iterator[Problem]:
    places = places_of(site)
    points = [node.key for node in site.nodes if node.kind is NodeKind.POINT]
    known = set(points)
    for placement in site.placements:
        subject = placement_subject(placement)
        if not is_device_id(placement.device_id):
            said = "3 to 32 small letters, digits and hyphens, no hyphen first"
            yield Problem(subject, ("device_id",), said, placement.device_id)
        if placement.point not in known:
            other = "a group" if placement.point in places.by_key else "nothing of that key"
            said = f"the key of an experience point, but that is {other}{near(placement.point, points)}"
            yield Problem(subject, ("at",), said, placement.point)
        for name, minute in (("from", placement.from_utc_minute), ("until", placement.until_utc_minute)):
            if minute is not None and not moments.is_in_bounds(minute):
                yield Problem(subject, (name,), "a moment of this century", minute)
        if placement.until_utc_minute is not None and placement.until_utc_minute < placement.from_utc_minute:
            said = f"a moment not before {_moment(placement.from_utc_minute)}"
            yield Problem(subject, ("until",), said, _moment(placement.until_utc_minute))
    yield from _overlaps(site.placements)


def _overlaps(placements: Iterable[Placement]) -> Iterator[Problem]:
    """Problems of placements that begin before their terminal has left the place before; they come in order."""
    standing: Placement | None = None
    for before, after in pairwise(placements):
        if standing is None or standing.device_id != before.device_id or _end(before) > _end(standing):
            standing = before
        if after.device_id != standing.device_id:
            continue
        same = after.from_utc_minute == before.from_utc_minute
        if same or (_end(standing) > after.from_utc_minute and after.until_utc_minute != after.from_utc_minute):
            left = standing.until_utc_minute
            till = "on" if left is None else f"to {_moment(left)}"
            said = (
                f"one place at a time, but {standing.device_id} stands at {standing.point} from"
                f" {_moment(standing.from_utc_minute)} {till}"
            )
            yield Problem(placement_subject(after), ("from",), said, _moment(after.from_utc_minute))


def _moment(utc_minute: int) -> str:
    return moments.text_of(utc_minute) if moments.is_in_bounds(utc_minute) else f"UTC minute {utc_minute}"


def _end(placement: Placement) -> float:
    return float("inf") if placement.until_utc_minute is None else placement.until_utc_minute
