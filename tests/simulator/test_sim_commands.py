"""The command lines of CONTRACT 1, as a table."""

import pytest

from hymio_sim.commands import BadCommand, Chord, Press, Quit, SetTime, Switch, Wait, parse


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("press 1", Press(1, 120.0, "kpb22")),
        ("press 4 60", Press(4, 60.0, "kpb22")),
        ("press 2 profile worn", Press(2, 120.0, "worn")),
        ("press 2 35.5 profile clean", Press(2, 35.5, "clean")),
        ("chord 1 4", Chord(1, 4)),
        ("wifi off", Switch("wifi", False)),
        ("power on", Switch("power", True)),
        ("time 1800000000.25", SetTime(1800000000.25)),
        ("wait 0.5", Wait(0.5)),
        ("  quit  # for today", Quit()),
        ("", None),
        ("# a comment", None),
    ],
)
def test_good(line, command):
    assert parse(line) == command


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("press", "no button"),
        ("press 5", "1..4"),
        ("press 1 soon", "number"),
        ("press 1 -3", "came -3"),
        ("press 1 profile velvet", "expected one of: clean"),
        ("press 1 20 30", r"press N \[MS\]"),
        ("chord 2 2", "different"),
        ("chord 2", "chord N M"),
        ("wifi maybe", "on or off"),
        ("time nan", "came nan"),
        ("wait", "wait SECONDS"),
        ("quit now", "`quit`"),
        ("dance", "no such command"),
    ],
)
def test_bad(line, says):
    with pytest.raises(BadCommand, match=says):
        parse(line)
