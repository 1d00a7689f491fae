"""site.toml: what it may say, and all that is wrong with it at once, by line and key."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sites import HOSPITAL

from hymio.common.errors import WRONG_USE, Failure
from hymio.site import rules
from hymio.site.build import Builder
from hymio.site.hours import parse
from hymio.site.model import FollowUp, Level, NodeKind, Option, Placement, Scale, Site, SurveyType, places_of
from hymio.site.moments import parse_moment
from hymio.site.positions import lines_of
from hymio.site.read import FaultyFiles, parse_site, read_site
from hymio.site.write import site_toml

MARCH = parse_moment("2026-03-01T06:00:00Z", "UTC")


def faults(text: str) -> list[tuple[int, str, str, str]]:
    with pytest.raises(FaultyFiles) as caught:
        parse_site(text)
    return [(fault.line, fault.key, fault.expected, fault.came) for fault in caught.value.faults]


def only_fault(text: str) -> tuple[int, str, str, str]:
    found = faults(text)
    assert len(found) == 1, found
    return found[0]


def line_with(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_a_whole_site() -> None:
    site = parse_site(HOSPITAL)
    assert [(node.key, node.kind, node.parent) for node in site.nodes] == [
        ("bar", NodeKind.POINT, None),
        ("ward-3", NodeKind.POINT, "wards"),
        ("wards", NodeKind.GROUP, None),
    ]
    assert site.nodes[1].custom == {"floor": "3"}
    assert site.surveys[0].at == ("bar", "wards")
    assert site.surveys[0].first_day == date(2026, 1, 1)
    assert site.surveys[0].follow_ups == (
        FollowUp(
            False,
            {"en": "What went wrong?"},
            (Option("waiting", {"en": "The waiting"}), Option("staff", {"en": "The staff"})),
        ),
    )
    assert site.placements[0] == Placement("till-1", "ward-3", MARCH)
    assert site.placements[1].from_utc_minute == MARCH + 120


def test_what_a_place_inherits() -> None:
    places = places_of(parse_site(HOSPITAL))
    assert places.zone("ward-3") == "Europe/Helsinki"
    assert places.zone("bar") == "Europe/Stockholm"
    assert places.hours("ward-3") == parse("mon-fri 08:00-18:00; sat 10:00-14:00")
    assert places.level("ward-3") is Level.EXCELLENT
    assert places.level("bar") is None
    assert places.points_of("wards") == {"ward-3"}


def test_what_may_be_said_in_other_words() -> None:
    text = (
        HOSPITAL.replace('text.en = "What went wrong?"', 'text = "What went wrong?"')
        .replace("from = 2026-03-01T08:00:00+02:00", 'from = "2026-03-01 08:00"')
        .replace("from = 2026-03-01T09:00:00+01:00", "from = 2026-03-01T09:00:00")
        .replace('"EXCELLENT"', '"excellent"')
        .replace("first_day = 2026-01-01", 'first_day = "2026-01-01"')
    )
    assert text != HOSPITAL
    assert parse_site(text) == parse_site(HOSPITAL)
    alone = parse_site(HOSPITAL.replace('at = [\n    "bar",\n    "wards",\n]', 'at = "bar"'))
    assert alone.surveys[0].at == ("bar",)


def test_the_least_that_a_site_says() -> None:
    assert parse_site('[organisation]\nkey = "a"\nname = "A"\n').organisation.too_few_staff == 10


def test_every_fault_is_told_at_once_in_the_order_of_the_lines() -> None:
    text = (
        HOSPITAL.replace('"Europe/Helsinki"', '"Europe/Helsinky"')
        .replace("fri-sat", "fr-sat")
        .replace('parent = "wards"', 'parent = "ward"\ncolour = "red"')
        .replace('question = "service"', 'question = "servise"')
        .replace('    "wards",\n', '    "wads",\n')
        .replace('text.en = "The staff"', 'text.eng = "The staff"')
        .replace("08:00:00+02:00", "08:00:30+02:00")
        .replace('device_id = "till-2"', 'device_id = "T2"')
    )
    assert [(line, key) for line, key, _, _ in faults(text)] == [
        (line_with(text, "time_zone"), "organisation.time_zone"),
        (line_with(text, "fr-sat"), "point.bar.hours"),
        (line_with(text, '"ward"'), "point.ward-3.parent"),
        (line_with(text, "colour"), "point.ward-3.colour"),
        (line_with(text, "servise"), "survey.service-2026.question"),
        (line_with(text, '"wads"'), "survey.service-2026.at[1]"),
        (line_with(text, "text.eng"), "survey.service-2026.unhappy.option[1].text"),
        (line_with(text, "text.eng"), "survey.service-2026.unhappy.option[1].text.eng"),
        (line_with(text, "08:00:30"), "placement[0].from"),
        (line_with(text, '"T2"'), "placement[1].device_id"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "at", "key", "expected", "came"),
    [
        ('key = "city-hospital"', "", "[organisation]", "organisation.key", "1 to 64 small", "nothing"),
        ('key = "city-hospital"', 'key = "City"', "key =", "organisation.key", "1 to 64 small", '"City"'),
        ('"City Hospital"', "5", "name = 5", "organisation.name", "a text", "5"),
        ('"City Hospital"', '"a\\nb"', "name =", "organisation.name", "in one line", '"a\\nb"'),
        ('"City Hospital"', f'"{"a" * 81}"', "name =", "organisation.name", "1 to 80", f'"{"a" * 76}...'),
        ("excellent = 80", "excellent = 95", "levels", "organisation.levels", "each higher", "[70.0, 95.0, 90.0]"),
        ("excellent = 80", 'excellent = "x"', "levels", "organisation.levels.excellent", "a number", '"x"'),
        ("staff = 10", "staff = true", "too_few", "organisation.too_few.staff", "a whole number", "true"),
        ("staff = 10", "staff = 0", "too_few", "organisation.too_few.staff", "from 10 to 1000", "0"),
        ("[group.wards]", "[group.Wards]\nname = 'W'\n[group.wards]", "[group.W", "group.Wards.key", "1 to 64", ""),
        ('level = "EXCELLENT"', 'level = "BEST"', "level = ", "group.wards.level", "THE VERY BEST", '"BEST"'),
        ('parent = "wards"', 'parent = "bar"', "parent", "point.ward-3.parent", "an experience point", '"bar"'),
        ('parent = "wards"', "parent = 3", "parent", "point.ward-3.parent", "a text", "3"),
        ('floor = "3"', "floor = 3", "custom.floor", "point.ward-3.custom.floor", "a text", "3"),
        ('floor = "3"', f'{"x" * 41} = "3"', "custom.", f"point.ward-3.custom.{'x' * 41}", "a label", f'"{"x" * 41}"'),
        (
            "[point.bar]",
            "[point.wards]\nname = 'W'\n[point.bar]",
            "[point.wards]",
            "point.wards.key",
            "group.wards has it too",
            '"wards"',
        ),
        ('text.en = "How was', 'text.sv = "How was', "text.sv", "question.service.text", "a text in en", '"sv, fi"'),
        ("first_day = 2026-01-01", "", "[survey.s", "survey.service-2026.first_day", "a day like", "nothing"),
        ("first_day = 2026-01-01", "first_day = 5", "first_day", "survey.service-2026.first_day", "a day like", "5"),
        (
            "first_day = 2026-01-01",
            "first_day = 2026-01-01\nlast_day = 2025-12-30",
            "last_day",
            "survey.service-2026.last_day",
            "not before 2026-01-01",
            '"2025-12-30"',
        ),
        (
            "first_day = 2026-01-01",
            "first_day = 2026-01-01\nscale = 'stars'",
            "scale",
            "survey.service-2026.scale",
            "one of four, five, nps",
            '"stars"',
        ),
        ('"waiting"', '"staff"', 'key = "staff"\ntext.en = "The staff"', "survey.service-2026.unhappy.option[1].key",
         "a key of its own", '"staff"'),
        ('at = "ward-3"', 'at = "wards"', 'at = "wards"', "placement[0].at", "but that is a group", '"wards"'),
        ('at = "ward-3"', "", "[[placement]]\n", "placement[0].at", "a text", "nothing"),
        ("2026-06-01T10:00:00+02:00", "2026-02-01T10:00:00Z", "until", "placement[1].until", "not before", '"2026-02-'),
        ('device_id = "till-2"', 'device_id = "till-1"', "09:00:00+01:00", "placement[1].from",
         "one place at a time, but till-1 stands at ward-3", '"2026-03-01T08:00:00+00:00"'),
    ],
)  # fmt: skip
def test_one_fault(old: str, new: str, at: str, key: str, expected: str, came: str) -> None:
    text = HOSPITAL.replace(old, new, 1)
    assert text != HOSPITAL
    found = only_fault(text)
    assert found[:2] == (line_with(text, at), key)
    assert expected in found[2]
    assert found[3].startswith(came)


def test_two_places_that_lie_in_each_other() -> None:
    text = HOSPITAL + '[group.a]\nname = "A"\nparent = "b"\n[group.b]\nname = "B"\nparent = "a"\n[group.c]\n'
    text += 'name = "C"\nparent = "a"\n'
    found = faults(text)
    assert [key for _, key, _, _ in found] == ["group.a.parent", "group.b.parent"]
    assert "a in b in a" in found[0][2]


def test_a_tree_that_is_too_deep() -> None:
    chain = "".join(
        f'[group.g{number}]\nname = "G"\n' + (f'parent = "g{number - 1}"\n' if number else "")
        for number in range(rules.DEPTH_MAX + 1)
    )
    assert only_fault(HOSPITAL + chain)[1:] == ("group.g12.parent", "at most 12 steps from the top", "13")


def test_two_surveys_of_one_kind_at_one_point() -> None:
    def second(days: str, more: str = "") -> str:
        return f'{HOSPITAL}[survey.later]\nquestion = "service"\nat = ["ward-3"]\n{days}\n{more}\n'

    line, key, expected, _ = only_fault(second("first_day = 2026-05-01\nlast_day = 2026-05-02"))
    assert (line, key) == (line_with(second(""), 'at = ["ward-3"]') + 1, "survey.later.first_day")
    assert "service-2026 runs at ward-3 from 2026-01-01 on" in expected
    assert "before" not in expected
    assert parse_site(second("first_day = 2025-05-01\nlast_day = 2025-12-31")).surveys[0].last_day == date(2025, 12, 31)
    assert only_fault(second("first_day = 2025-05-01\nlast_day = 2026-01-01"))[1] == "survey.service-2026.first_day"
    assert parse_site(second("first_day = 2026-05-01", 'type = "staff"')).surveys[0].type is SurveyType.STAFF
    assert parse_site(second("first_day = 2026-05-01", 'scale = "nps"')).surveys[0].scale is Scale.NPS


def test_a_seventh_option_and_a_fifth_one() -> None:
    def with_options(count: int) -> str:
        return HOSPITAL.split("[[survey")[0] + "".join(
            f'[[survey.service-2026.unhappy.option]]\nkey = "o{number}"\ntext = "Option"\n' for number in range(count)
        )

    six = parse_site(with_options(6)).surveys[0].follow_ups[0]
    assert [option.key for option in six.options] == [f"o{number}" for number in range(6)]
    assert [option.key for option in six.terminal_options] == ["o0", "o1", "o2", "o3"]
    assert "1 to 6 options" in only_fault(with_options(7))[2]
    assert "1 to 6 options" in only_fault(with_options(0))[2]


def test_a_value_of_a_wrong_shape_is_told_once() -> None:
    for text in ("organisation = 1", 'organisation = { key = "a", name = "A" }\npoint = 1\nsurvey = [1]\nplacement = 5',
                 'organisation = { key = "a", name = "A" }\nplacement = [1]\npoint.a = 2'):  # fmt: skip
        keys = [key for _, key, expected, _ in faults(text) if expected in ("a table", "an array")]
        assert len(keys) == len(set(keys)) > 0


def test_what_is_not_toml_is_told_with_its_line() -> None:
    with pytest.raises(Failure, match="line 20") as caught:
        parse_site(HOSPITAL.replace('name = "Ward 3"', "name = Ward 3"))
    assert caught.value.exit_status == WRONG_USE
    with pytest.raises(Failure, match="many brackets"):
        parse_site("a = " + "[" * 100_000)


def test_many_faults_are_counted() -> None:
    text = HOSPITAL + "".join(f'[point.x{number}]\nname = ""\n' for number in range(150))
    with pytest.raises(FaultyFiles) as caught:
        parse_site(text)
    assert len(caught.value.faults) == 150
    assert caught.value.message.count("\n") == 100
    assert caught.value.message.endswith("And 50 faults more.")
    assert json.loads(json.dumps(caught.value.faults[0].as_values())) == {
        "file": "site.toml",
        "line": line_with(text, "[point.x0]") + 1,
        "key": "point.x0.name",
        "expected": "a text of 1 to 80 characters in one line",
        "came": '""',
    }


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(HOSPITAL.encode("utf-8-sig"))
    assert read_site(path).site == parse_site(HOSPITAL)
    path.write_bytes(HOSPITAL.replace("\n", "\r\n").encode())
    assert read_site(path).site == parse_site(HOSPITAL)
    path.write_bytes(HOSPITAL.encode("latin-1"))
    with pytest.raises(Failure, match=f"line {line_with(HOSPITAL, 'oli tänään')}: expected UTF-8"):
        read_site(path)
    path.write_bytes(HOSPITAL.encode("utf-16"))
    with pytest.raises(Failure, match="UTF-16"):
        read_site(path)
    with pytest.raises(Failure, match="No such file"):
        read_site(tmp_path / "none.toml")


def test_a_file_that_no_site_fills_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "site.toml"
    path.write_text(HOSPITAL)
    monkeypatch.setattr("hymio.site.read.FILE_BYTES_MAX", 100)
    with pytest.raises(Failure, match="at most 100 bytes"):
        read_site(path)


def test_counts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "NODES_MAX", 2)
    monkeypatch.setattr(rules, "PLACEMENTS_MAX", 1)
    assert [(key, expected, came) for _, key, expected, came in faults(HOSPITAL)] == [
        ("place", "at most 2 of them", "3"),
        ("placement", "at most 1 of them", "2"),
    ]


def test_rules_speak_of_any_site_without_falling_over() -> None:
    site = parse_site(HOSPITAL)
    far = Site(site.organisation, site.nodes, site.questions, site.surveys, (Placement("till-1", "bar", 1 << 60, 0),))
    assert {problem.key for problem in rules.problems(far)} == {("from",), ("until",)}


def test_a_problem_without_a_file_names_its_thing() -> None:
    site = parse_site(HOSPITAL)
    lost = Site(site.organisation, (), site.questions, (), site.placements[:1])
    (problem,) = rules.problems(lost)
    assert str(problem) == (
        "placement till-1 from 2026-03-01T06:00:00+00:00: at: expected the key of an experience point, but that is"
        ' nothing of that key, came "ward-3".'
    )


_MOMENTS = (date(1, 1, 1), datetime(9999, 12, 31, 23, 59), datetime(1, 1, 1, tzinfo=UTC), time(1), "2026-03-29 03:30")
_TEXTS = ("", "x", "\0", "ward-3", "wards")
_JUNK = st.sampled_from(
    [0, -1, 1 << 70, 1.5, float("nan"), True, *_TEXTS, *_MOMENTS, [], ["x", 1], {}, {"en": 1}, {"x": {}}]
).map(deepcopy)  # the next change may go into it


@given(st.data())
def test_no_value_is_too_strange_to_be_told(data: st.DataObject) -> None:
    values = tomllib.loads(HOSPITAL)
    for _ in range(data.draw(st.integers(1, 3))):
        *tables, last = data.draw(st.sampled_from(sorted(_paths(values), key=str)))
        place: Any = values
        for key in tables:
            place = place[key]
        if data.draw(st.booleans()):
            place[last] = data.draw(_JUNK)
        else:
            del place[last]
        if not values:
            break
    builder = Builder()
    builder.take(values)
    site = builder.site()
    for fault in builder.faults:
        assert str(fault.expected)
        assert len(rules.shown(fault.came)) <= 80
    if not builder.faults:
        assert rules.problems(site) == []
        assert parse_site(site_toml(site)) == site


@given(st.data())
def test_any_lines_of_a_site_are_a_site_or_told_by_line(data: st.DataObject) -> None:
    lines = HOSPITAL.splitlines()
    kept = data.draw(st.lists(st.sampled_from(range(len(lines))), max_size=30))
    text = "\n".join(lines[: kept[0] if kept else 0] + [lines[at] for at in kept])
    try:
        parse_site(text)
    except FaultyFiles as error:
        assert all(1 <= fault.line <= text.count("\n") + 1 for fault in error.faults)
        assert len(set(error.faults)) == len(error.faults)
    except Failure as error:
        assert "is not TOML" in error.message


# Where things stand in a TOML.

_KEYS = st.sampled_from(["a", "b", "a-1", "2", "", "ä b", "x.y", '"q"', "[z]", "=#", "'", "\\", "{", ","])
_SCALARS = st.sampled_from(
    ["1", "-1.5e3", "true", "2026-03-01T08:00:00+02:00", "2026-03-01 08:00:00", '"x # y = [\\"]"', "'C:\\'", '""',
     '"""a\n[b]\nc = 1 \\" ""\n"""', "'''\n'' [x]\n'''", '"""x"""""', '"""x""""', "'''x''''"]
)  # fmt: skip


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{ "
            + ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {_inline(one)}" for key, one in value.items())
            + " }"
        )
    if isinstance(value, list):
        return "[ # c ]\n" + ",\n".join(_inline(one) for one in value) + "\n]"
    return str(value)


_INLINE = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=6
)
_TABLES = st.dictionaries(_KEYS, _INLINE, max_size=3)
_DOCUMENTS = st.dictionaries(
    _KEYS, st.one_of(_TABLES, st.lists(_TABLES, min_size=1, max_size=3), st.dictionaries(_KEYS, _TABLES, max_size=2))
)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in pairs:
        yield (*path, key)
        yield from _paths(one, (*path, key))


@given(_DOCUMENTS)
def test_every_value_of_a_toml_is_found_on_its_line(document: dict[str, Any]) -> None:
    text = "# head\n"
    expected: dict[tuple[str | int, ...], int] = {}

    def header(line: str, path: tuple[str | int, ...]) -> None:
        nonlocal text
        expected[path] = text.count("\n") + 1
        text += f"{line} # [[x]]\n\n"

    for key, value in document.items():
        if isinstance(value, list):
            for index, table in enumerate(value):
                header(f"[[ {json.dumps(key, ensure_ascii=False)} ]]", (key, index))
                for name, one in table.items():
                    expected[(key, index, name)] = text.count("\n") + 1
                    text += f"{json.dumps(name, ensure_ascii=False)} = {_inline(one)}\n"
        else:
            header(f"[{json.dumps(key, ensure_ascii=False)}]", (key,))
            for name, one in value.items():
                expected[(key, name)] = text.count("\n") + 1
                text += f"{json.dumps(name, ensure_ascii=False)} = {_inline(one)}\n"
    found = lines_of(text)
    assert set(found) == set(_paths(tomllib.loads(text)))
    assert {path: found[path] for path in expected} == expected
    assert lines_of(text.replace("\n", "\r\n")) == found
