"""The on-screen terminal: what a visitor may say, who may come, how many and how much."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hymio.training.guests import is_own_page, may_visit
from hymio.training.scenes import HISTORY, SCENES, history
from hymio.training.stands import SECTORS, Stands
from hymio.training.visit import WISHES_AT_ONCE, WISHES_PER_S, Pace
from hymio.training.wishes import BadWish, Play, Renew, StopScene, Tell, Wish, parse
from hymio.wire.records import SECTOR_BYTES
from hymio_sim.run.commands import parse as parse_command


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ({"do": "down", "button": 1}, Tell("down 1")),
        ({"do": "up", "button": 4, "ms": 80}, Tell("up 4 80")),
        ({"do": "press", "button": 2, "ms": 120}, Tell("press 2 120")),
        ({"do": "power", "on": False}, Tell("power off")),
        ({"do": "wifi", "on": True}, Tell("wifi on")),
        ({"do": "time", "utc": 1800000000}, Tell("time 1800000000.0")),
        ({"do": "scene", "name": "child"}, Play("child")),
        ({"do": "stop"}, StopScene()),
        ({"do": "renew", "history": True}, Renew(True)),
    ],
)
def test_a_wish(said: dict[str, Any], wish: Wish) -> None:
    assert parse(json.dumps(said)) == wish
    if isinstance(wish, Tell):
        assert parse_command(wish.line) is not None, "the simulator obeys it"


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("", "message"),
        ("[" * 200, "message"),
        ("[]", "message"),
        ('"press 4"', "message"),
        ('{"do": "quit"}', "do: expected one of"),
        ('{"do": ["down"]}', "do: expected one of"),
        ("{}", "do: expected one of"),
        ('{"do": "down"}', "button: expected a whole number, 1 to 4, came null"),
        ('{"do": "down", "button": 5}', "button.* came 5"),
        ('{"do": "down", "button": true}', "button.* came true"),
        ('{"do": "down", "button": 1.0}', "button.* came 1.0"),
        ('{"do": "down", "button": "1\\nquit"}', "button"),
        ('{"do": "press", "button": 1, "ms": 0}', "ms: expected a whole number, 1 to 60000, came 0"),
        ('{"do": "power", "on": "off"}', "on: expected true or false"),
        ('{"do": "time", "utc": NaN}', "utc: expected a number"),
        ('{"do": "time", "utc": -1}', "utc: expected a number"),
        ('{"do": "time", "utc": 1e12}', "utc: expected a number"),
        ('{"do": "scene", "name": "fire"}', "name: expected one of visitors"),
        ('{"do": "scene", "name": []}', "name: expected one of visitors"),
        ('{"do": "up", "button": 1}', "ms: expected a whole number, 1 to 60000, came null"),
        ('{"do": "renew"}', "history: expected true or false"),
        (json.dumps({"do": "stop", "more": "x" * 256}), "at most 256 bytes"),
    ],
)
def test_a_wish_that_is_refused_names_the_field(said: str, names: str) -> None:
    with pytest.raises(BadWish, match=names):
        parse(said)


@given(
    st.one_of(
        st.text(max_size=300),
        st.dictionaries(
            st.sampled_from(["do", "button", "ms", "on", "utc", "name", "history"]),
            st.one_of(
                st.sampled_from(["down", "up", "press", "power", "wifi", "time"]), st.integers(0, 5), st.integers(),
                st.floats(), st.text(max_size=9), st.booleans(), st.none(),
            ),
        ).map(json.dumps),
    )
)  # fmt: skip
def test_nothing_but_the_lines_that_are_meant_gets_to_the_simulator(said: str) -> None:
    try:
        wish = parse(said)
    except BadWish:
        return
    if isinstance(wish, Tell):
        assert re.fullmatch(r"down [1-4]|(up|press) [1-4] \d+|(power|wifi) (on|off)|time \d+\.\d+", wish.line)


def test_whoever_says_more_than_is_meant_is_heard_later() -> None:
    pace = Pace(0.0)
    assert [pace.pause_s(0.0) for _ in range(WISHES_AT_ONCE)] == [0.0] * WISHES_AT_ONCE
    now_s = heard = 0.0
    while now_s < 10.0:
        now_s += pace.pause_s(now_s)
        heard += 1
    assert heard == pytest.approx(10.0 * WISHES_PER_S, rel=0.02)
    assert pace.pause_s(now_s + 60.0) == 0.0, "who has been quiet has room again"


@pytest.mark.parametrize(
    ("client", "headers", "hosts", "may"),
    [
        ("127.0.0.1", {"host": "127.0.0.1:8000"}, (), True),
        ("127.0.0.1", {"host": "localhost:8000"}, (), True),
        ("::1", {"host": "[::1]:8000"}, (), True),
        ("127.0.0.1", {"host": "evil.example"}, (), False),
        ("127.0.0.1", {}, (), False),
        ("127.0.0.1", {"host": "[oops"}, (), False),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "192.0.2.7"}, (), False),
        ("192.0.2.7", {"host": "localhost:8000"}, (), False),
        ("", {"host": "localhost"}, (), False),
        ("192.0.2.7", {"host": "fair.example:8000"}, ("fair.example",), True),
        ("192.0.2.7", {"host": "FAIR.example"}, ("fair.example",), True),
        ("192.0.2.7", {"host": "evil.example"}, ("fair.example",), False),
    ],
)
def test_who_may_come(client: str, headers: dict[str, str], hosts: tuple[str, ...], may: bool) -> None:
    assert may_visit(client, headers, hosts, True) is may
    assert may_visit(client, headers, hosts, False) is (may and bool(hosts)), "a proxy may stand on this computer"


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("https://Fair.example", "fair.example", True),
        ("http://evil.example", "127.0.0.1:8000", False),
        ("http://127.0.0.1:9000", "127.0.0.1:8000", False),
        ("null", "127.0.0.1:8000", False),
        ("file://127.0.0.1:8000", "127.0.0.1:8000", False),
        ("http://", "", False),
    ],
)
def test_only_a_page_of_ours_opens_the_way(origin: str, host: str, own: bool) -> None:
    assert is_own_page({"origin": origin, "host": host}) is own
    assert not is_own_page({"host": host})


def test_a_place_is_kept_for_whoever_comes_back(tmp_path: Path) -> None:
    stands = Stands(2)
    stands.furnish(tmp_path)
    one, two = stands.take(None), stands.take("training-1")
    assert one is not None and two is not None
    assert (one.device_id, two.device_id, stands.take(None)) == ("training-1", "training-2", None)
    two.flash.write_bytes(b"votes")
    stands.give_back(one)
    stands.give_back(two)
    back = stands.take("training-2")
    assert back is not None and back.flash.read_bytes() == b"votes", "it is as it was left"
    back.renew()
    assert back.flash.read_bytes() == b"\xff" * SECTORS * SECTOR_BYTES
    assert stands.free == {"training-1"}


def test_the_scenes_are_commands_of_the_simulator() -> None:
    for scene in SCENES.values():
        played = scene(random.Random(1))
        assert [at_s for at_s, _ in played] == sorted(at_s for at_s, _ in played)
        for _, lines in played:
            assert all(parse_command(line) is not None for line in lines.split("\n"))
    assert history(random.Random(1)).count("press") == HISTORY
