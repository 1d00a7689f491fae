"""Rules about terminals and contacts: one cause is one alert, and what is nearly well again is not yet."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from hymio.alerting.changes import Change, Closed, ContactAnswer, Raised, TerminalNow
from hymio.alerting.rules import DAY_S, HOUR_S, TERMINAL_KINDS, RuleKind, condition_of
from hymio.alerting.terminal_rules import TERMINAL_RULES, contact_alert

NOW = 1_790_000_000.0
WELL = TerminalNow("till-1", 3, NOW, NOW)


def looks(kind: RuleKind, *many: tuple[float, TerminalNow | None]) -> list[Change]:
    """What a rule says of one look after another; it is broken off after each."""
    condition, state, found = condition_of(kind, {}, 5), {}, []
    for utc, one in many:
        rule = TERMINAL_RULES[kind](condition, state)
        found += rule.look(utc, [] if one is None else [one])
        state = json.loads(json.dumps(rule.state()))
    return found


def test_silent_is_told_once_until_it_speaks() -> None:
    quiet = WELL._replace(silent_s=26 * HOUR_S)
    found = looks(
        RuleKind.SILENT, (NOW, WELL._replace(silent_s=26 * HOUR_S - 1)), (NOW + 1, quiet), (NOW + 2, quiet),
        (NOW + 3, None), (NOW + 4, quiet._replace(heard_utc=None)),
    )  # fmt: skip
    cause = f"till-1 silent {NOW:.0f}"
    evidence = {"heard_utc": NOW, "open_s": 26 * HOUR_S}
    assert found == [Raised(cause, NOW + 1, evidence, 3, "till-1"), Closed(cause, NOW + 3)]


def test_a_battery_is_one_cause_and_over_when_it_is_another_one() -> None:
    low = WELL._replace(supply_mv=2600, full_utc=NOW - 90 * DAY_S, empty_utc=NOW + 13 * DAY_S)
    better = low._replace(empty_utc=NOW + 16 * DAY_S)
    found = looks(RuleKind.BATTERY, (NOW, better), (NOW, low), (NOW, better), (NOW, WELL), (NOW, low))
    assert [type(one) for one in found] == [Raised, Closed, Raised]
    assert found[0].cause == found[2].cause, "it is the same battery, of which somebody has been told"


def test_stuck_and_certificate() -> None:
    stuck = WELL._replace(stuck=(1, 4))
    first, over = looks(RuleKind.STUCK, (NOW, stuck), (NOW + 60, stuck._replace(said_utc=NOW + 60)), (NOW + 90, WELL))
    assert isinstance(first, Raised) and first.evidence == {"buttons": [1, 4]} and over == Closed(first.cause, NOW + 90)
    ends = NOW + 29 * DAY_S
    found = looks(RuleKind.CERTIFICATE, (NOW, WELL._replace(cert_ends_utc=ends)), (NOW, WELL))
    assert [one.cause for one in found] == [f"till-1 certificate {ends:.0f}"] * 2


def test_a_gap_may_last_and_what_is_lost_is_told_each_time() -> None:
    gap, old = WELL._replace(open_gaps=2, lost=7), WELL._replace(lost=7)
    found = looks(
        RuleKind.GAP, (NOW, gap), (NOW + 6 * HOUR_S - 1, gap), (NOW + 6 * HOUR_S, gap), (NOW + 7 * HOUR_S, old),
        (NOW + 8 * HOUR_S, WELL._replace(lost=9)), (NOW + 9 * HOUR_S, WELL._replace(lost=9)),
    )  # fmt: skip
    assert found == [
        Raised(f"till-1 gap {NOW:.0f}", NOW + 6 * HOUR_S, {"gaps": 2, "since_utc": NOW}, 3, "till-1"),
        Closed(f"till-1 gap {NOW:.0f}", NOW + 7 * HOUR_S),
        Raised("till-1 lost 9", NOW + 8 * HOUR_S, {"lost": 2, "lost_ever": 9}, 3, "till-1"),
    ]


def test_only_the_unhappy_are_to_be_called() -> None:
    def is_alert(face: int | None, score: int | None) -> bool:
        return contact_alert(ContactAnswer("a-1", NOW, 3, face, score)) is not None

    assert [is_alert(face, None) for face in (1, 2, 3, 4, 5)] == [True, True, False, False, False]
    assert [is_alert(None, score) for score in (0, 6, 7, 10)] == [True, True, False, False]
    assert not is_alert(None, None)


troubles = st.builds(
    TerminalNow,
    st.sampled_from(("till-1", "till-2", "till-3")), st.just(3), st.just(NOW), st.just(NOW),
    st.sampled_from((0.0, 30 * HOUR_S)), st.just(2500), st.booleans(), st.just(NOW), st.none(),
    st.sampled_from(((), (2,))), st.sampled_from((None, NOW)), st.integers(0, 1), st.integers(0, 3),
)  # fmt: skip


@given(st.lists(st.lists(troubles, max_size=3, unique_by=lambda one: one.device_id), max_size=12), st.data())
def test_of_each_terminal_one_alert_is_open_at_most(many: list[list[TerminalNow]], data: st.DataObject) -> None:
    assert TERMINAL_RULES.keys() == TERMINAL_KINDS
    for kind in sorted(TERMINAL_KINDS):
        rule = TERMINAL_RULES[kind](condition_of(kind, {}, 5), {})
        opened: dict[str, str] = {}
        for number, troubled in enumerate(many):
            for change in rule.look(NOW + 4 * HOUR_S * number, troubled):
                device_id = change.cause.partition(" ")[0]
                if isinstance(change, Closed):
                    assert opened.pop(device_id) == change.cause
                elif " lost " not in change.cause:
                    assert device_id not in opened
                    opened[device_id] = change.cause
        assert rule.state()["open"] == opened
