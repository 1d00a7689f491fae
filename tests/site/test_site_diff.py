"""What an import does: added, changed, ended; nothing is deleted, and twice the same does nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

from hypothesis import given
from sites import HOSPITAL, minutes, sites

from hymio.site.diff import ChangeKind, SiteChange, Thing, apply, diff, plan_import, subject_of
from hymio.site.model import Node, Organisation, Placement, Question, Site, Survey, SurveyType
from hymio.site.moments import day_after, moment_of, parse_moment
from hymio.site.read import parse_site

BASE = parse_site(HOSPITAL)


def minute(text: str) -> int:
    return parse_moment(text, "Europe/Helsinki")


NOW = minute("2026-05-20 14:00")


def things(site: Site) -> dict[tuple[str, ...], object]:
    every: tuple[Thing, ...] = (site.organisation, *site.nodes, *site.questions, *site.surveys, *site.placements)
    return {subject_of(thing): thing for thing in every}


def changes(old: Site, new: Site, at: int = NOW) -> list[str]:
    return [str(change) for change in diff(old, new, at)]


def with_placements(*placements: Placement) -> Site:
    return replace(BASE, placements=placements)


def stay(point: str, since: str, until: str | None = None, device_id: str = "till-1") -> Placement:
    return Placement(device_id, point, minute(since), None if until is None else minute(until))


@given(sites(), minutes)
def test_a_site_does_not_differ_from_itself(site: Site, at: int) -> None:
    assert diff(site, site, at) == ()


@given(sites(), sites(), minutes, minutes)
def test_what_was_imported_is_there_and_a_second_import_does_nothing(old: Site, new: Site, at: int, later: int) -> None:
    found = diff(old, new, at)
    merged = apply(old, found)
    assert diff(merged, new, at) == ()
    assert diff(merged, new, max(at, later)) == ()
    named, all_of_it, before = things(new), things(merged), things(old)
    assert {subject: all_of_it[subject] for subject in named} == named
    assert set(all_of_it) == set(named) | set(before)  # nothing is deleted, nothing invented
    zone = new.organisation.time_zone
    for subject in set(before) - set(named):
        was, left = before[subject], all_of_it[subject]
        if isinstance(left, Node):
            assert left.until_utc_minute is not None and left.until_utc_minute <= at
        elif isinstance(left, Placement):
            assert isinstance(was, Placement)
            assert left.until_utc_minute is not None
            assert left.until_utc_minute <= max(at, left.from_utc_minute)
            assert was.until_utc_minute is None or left.until_utc_minute <= was.until_utc_minute
        elif isinstance(left, Survey):
            assert left.last_day is not None
            assert left.is_withdrawn or left.last_day <= moment_of(at, zone).date()
        else:
            assert isinstance(left, Question) and left == was


@given(sites(), sites(), minutes)
def test_placements_never_overlap_after_an_import(old: Site, new: Site, at: int) -> None:
    plan = plan_import(old, new, at)
    assert [one for one in plan.problems if one.subject[:1] == ("placement",)] == []
    assert plan.site == apply(old, plan.changes)


@given(sites(), sites(), minutes)
def test_changes_applied_to_the_old_site_give_the_new_one_where_that_names_all(old: Site, new: Site, at: int) -> None:
    merged = apply(old, diff(old, new, at))  # has all that either names
    assert apply(old, diff(old, merged, at)) == merged
    assert apply(new, diff(new, merged, at)) == merged
    assert apply(Site(Organisation("org", "Org")), diff(Site(Organisation("org", "Org")), merged, at)) == merged


@given(sites(), sites(), minutes)
def test_changes_name_every_key_that_differs_and_are_json(old: Site, new: Site, at: int) -> None:
    for change in diff(old, new, at):
        assert change.keys
        assert all(one.before != one.after for one in change.keys)
        assert (change.kind is ChangeKind.ADDED) == (change.before is None)
        assert json.loads(json.dumps(change.as_values()))["change"] == change.kind.value
        assert "\n" in str(change) or change.kind is not ChangeKind.CHANGED


@given(sites(), sites(), minutes)
def test_a_place_comes_after_the_group_above_it(old: Site, new: Site, at: int) -> None:
    there = {node.key for node in old.nodes} | {None}
    for change in diff(old, new, at):
        if isinstance(change.after, Node) and change.kind is not ChangeKind.ENDED:
            assert change.after.parent in there
            there.add(change.after.key)


def test_a_name_is_changed() -> None:
    (change,) = diff(BASE, parse_site(HOSPITAL.replace("Ward 3", "Ward III").replace("The waiting", "Waiting")), NOW)[
        :1
    ]
    assert isinstance(change, SiteChange)
    assert str(change) == '~ point ward-3\n    name: "Ward 3" -> "Ward III"'
    assert change.as_values() == {
        "change": "changed",
        "of": "point",
        "key": "ward-3",
        "keys": [{"key": "name", "before": "Ward 3", "after": "Ward III"}],
    }


def test_an_option_is_compared_by_its_key() -> None:
    first, second = BASE.surveys[0].follow_ups[0].options
    follow_up = replace(BASE.surveys[0].follow_ups[0], options=(second, replace(first, texts={"en": "Waiting"})))
    new = replace(BASE, surveys=(replace(BASE.surveys[0], follow_ups=(follow_up,)),))
    assert changes(BASE, new) == [
        "~ survey service-2026\n"
        "    unhappy.option.waiting.place: 1 -> 2\n"
        '    unhappy.option.waiting.text.en: "The waiting" -> "Waiting"\n'
        "    unhappy.option.staff.place: 2 -> 1"
    ]


def test_what_disappears_is_ended_at_the_import() -> None:
    nothing = Site(BASE.organisation)
    assert changes(BASE, nothing) == [
        "- group wards: ended 2026-05-20T11:00:00+00:00",
        "- point bar: ended 2026-05-20T11:00:00+00:00",
        "- point ward-3: ended 2026-05-20T11:00:00+00:00",
        "- survey service-2026: ended, its last day is 2026-05-20",
        "- terminal till-1 at ward-3 from 2026-03-01T06:00:00+00:00: ended 2026-05-20T11:00:00+00:00",
        "- terminal till-2 at bar from 2026-03-01T08:00:00+00:00: ended 2026-05-20T11:00:00+00:00",
    ]
    long_after = minute("2027-01-01 00:00")
    assert len(changes(BASE, nothing, long_after)) == 5  # till-2 had gone by itself
    assert changes(apply(BASE, diff(BASE, nothing, NOW)), nothing, long_after) == []


def test_a_survey_makes_room_for_the_one_that_comes_instead() -> None:
    survey = BASE.surveys[0]
    for first, last in (
        (date(2026, 5, 20), date(2026, 5, 19)),  # from today on
        (date(2026, 6, 1), date(2026, 5, 20)),  # the old one is not named any more, so it ends today
        (date(2026, 2, 1), date(2026, 1, 31)),  # it was another question since February
        (date(2025, 6, 1), date(2025, 12, 31)),  # and never that one
    ):
        new = replace(BASE, surveys=(replace(survey, key="next", first_day=first),))
        plan = plan_import(BASE, new, NOW)
        assert plan.problems == ()
        assert {one.key: one.last_day for one in plan.site.surveys} == {"next": None, "service-2026": last}
    assert next(one for one in plan.site.surveys if one.key == "service-2026").is_withdrawn


def test_a_survey_that_asks_elsewhere_or_others_needs_no_room() -> None:
    survey = replace(BASE.surveys[0], at=("bar",))
    old = replace(BASE, surveys=(survey,))
    for other in (
        replace(survey, key="next", at=("wards",), first_day=date(2026, 2, 1)),
        replace(survey, key="next", type=SurveyType.STAFF, first_day=date(2026, 2, 1)),
    ):
        plan = plan_import(old, replace(BASE, surveys=(other,)), NOW)
        assert {one.key: one.last_day for one in plan.site.surveys} == {"next": None, "service-2026": date(2026, 5, 20)}


def test_a_terminal_moves() -> None:
    old = with_placements(stay("ward-3", "2026-03-01 08:00"))
    moved = stay("bar", "2026-05-10 09:00")
    ended = stay("ward-3", "2026-03-01 08:00", "2026-05-10 09:00")
    # The file may say both, or only where it stands now.
    assert plan_import(old, with_placements(ended, moved), NOW).site.placements == (ended, moved)
    assert plan_import(old, with_placements(moved), NOW).site.placements == (ended, moved)


def test_the_beginning_of_a_placement_is_corrected() -> None:
    old = with_placements(stay("ward-3", "2026-03-01 08:00"))
    never = stay("ward-3", "2026-03-01 08:00", "2026-03-01 08:00")
    for since in ("2026-02-27 10:00", "2026-03-05 10:00"):
        right = stay("ward-3", since)
        plan = plan_import(old, with_placements(right), NOW)
        assert set(plan.site.placements) == {never, right}
        assert "withdrawn, it never stood there" in str(plan.changes[-1])


def test_the_point_of_a_placement_is_corrected() -> None:
    old = with_placements(stay("ward-3", "2026-03-01 08:00"))
    new = with_placements(stay("bar", "2026-03-01 08:00"))
    assert changes(old, new) == ['~ terminal till-1 at bar from 2026-03-01T06:00:00+00:00\n    at: "ward-3" -> "bar"']


def test_what_can_not_change_is_refused() -> None:
    def problem(new: Site) -> tuple[tuple[str, ...], str]:
        (one,) = plan_import(BASE, new, NOW).problems
        return one.subject, one.expected

    other = replace(BASE, organisation=replace(BASE.organisation, key="other"))
    assert problem(other) == (("organisation",), "this is the site of another organisation")
    staff = replace(BASE, surveys=(replace(BASE.surveys[0], type=SurveyType.STAFF),))
    assert problem(staff)[0] == ("survey", "service-2026")
    nps = parse_site(HOSPITAL.replace("first_day", 'scale = "nps"\nfirst_day'))
    assert "give the survey a key of its own" in problem(nps)[1]
    group = parse_site(HOSPITAL.replace("[point.bar]", "[group.bar]").split('[[placement]]\ndevice_id = "till-2"')[0])
    assert problem(group) == (("group", "bar"), "an experience point stays one: give the group a key of its own")


def test_a_move_in_the_tree_that_puts_two_old_surveys_at_one_point_is_refused() -> None:
    def site(parent: str, surveys: str) -> Site:
        return parse_site(
            f'[organisation]\nkey = "a"\nname = "A"\n[group.x]\nname = "X"\n[group.y]\nname = "Y"\n{parent}'
            f'[point.p]\nname = "P"\nparent = "y"\n[question.q]\ntext = "Q"\n{surveys}'
        )

    two = "".join(
        f'[survey.{key}]\nquestion = "q"\nat = "{key}"\nfirst_day = 2025-01-01\nlast_day = 2025-12-31\n' for key in "xy"
    )
    plan = plan_import(site("", two), site('parent = "x"\n', ""), NOW)
    assert [one.subject for one in plan.problems] == [("survey", "y")]


def test_the_day_after_the_last_one_is_free() -> None:
    assert day_after(date(2026, 2, 28)) == date(2026, 3, 1)
