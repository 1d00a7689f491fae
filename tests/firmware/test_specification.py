"""The tables of the specification tell the same numbers as the firmware: codes, keys of the configuration, groups."""

import importlib
import json
import re
from pathlib import Path

import pytest

from terminal import config, console

ROOT = Path(__file__).resolve().parents[2]


def page(name):
    return (ROOT / "firmware" / "spec" / name).read_text(encoding="utf-8")


def module(*names):
    """The first of these modules of the firmware that there is."""
    for name in names:
        if importlib.util.find_spec("terminal." + name):
            return importlib.import_module("terminal." + name)
    raise AssertionError(names)


RECORD = module("log_record", "record")
CODES = {
    "counted": "COUNTED", "repeat": "REPEAT", "mash": "MASH", "chord": "CHORD", "stuck": "STUCK", "closed": "CLOSED",
    "replaced": "REPLACED", "test": "TEST", "answer": "ANSWER", "press": "PRESS", "revise": "REVISE", "run": "RUN",
    "boot": "BOOT", "time": "TIME", "ack": "ACK", "event": "EVENT", "NTP": "NTP", "collector": "COLLECTOR",
    "a person at the cable": "CONSOLE", "NTP and collector, who agree": "AGREED",
}  # fmt: skip


@pytest.mark.parametrize("word", CODES)
def test_codes(word):
    code = getattr(RECORD, CODES[word])
    assert re.search(r"\| %d \| %s( \||$)" % (code, re.escape(word)), page("log.md"), re.MULTILINE), word


def test_sizes():
    text = page("log.md")
    for number in (RECORD.SECTOR, RECORD.HEADER, RECORD.SIZE, RECORD.SLOTS):
        assert str(number) in text, number


def leaves(schema, prefix=""):
    """(key with dots, name, rule) of every value."""
    for name, rule in schema.items():
        if isinstance(rule, dict):
            yield from leaves(rule, prefix + name + ".")
        elif isinstance(rule, list):
            yield from leaves(rule[0], prefix + name + ".N.")
        else:
            yield prefix + name, name, rule


LEAVES = {key: (name, rule) for key, name, rule in leaves(config._SCHEMA)}


def row_of(key, name):
    """The row of config.md that tells of the key; several of one section may share one."""
    section = key[: -len(name)]
    for line in page("config.md").splitlines():
        first = line.split(" | ")[0]
        if "`%s`" % key in first or ("`.%s`" % name in first and "`" + section in first):
            return line
    raise AssertionError("no row tells of " + key)


@pytest.mark.parametrize("key", LEAVES)
def test_every_key_has_a_row_with_its_range_and_default(key):
    name, (default, low, high) = LEAVES[key]
    row = row_of(key, name)
    if not isinstance(default, int) or isinstance(default, bool) or callable(low):
        return
    numbers = [int(one) for one in re.findall(r"\d+", row)]
    assert default in numbers, row
    if key.startswith("windows."):
        return  # their range stands before the table, and where it is another one in the row
    assert "%d..%d" % (low, high) in row or "%d to %d" % (low, high) in row, row


def test_windows_have_the_range_that_is_told():
    text = page("config.md")
    told = re.search(r"All are in ms, (\d+) to (\d+), unless it says otherwise", text)
    assert told
    for key, (name, (_, low, high)) in LEAVES.items():
        if key.startswith("windows.") and (low, high) != (int(told[1]), int(told[2])):
            assert "%d to %d" % (low, high) in row_of(key, name), key


def test_every_group_of_the_cable_has_its_row():
    text = page("cable.md")
    for group in console.GROUPS:
        assert re.search(r"^\| %d [a-zA-Z]+ \| 0 " % group, text, re.MULTILINE), group


def test_every_fact_has_its_row():
    schema = json.loads((ROOT / "tests" / "schemas" / "state.json").read_text(encoding="utf-8"))
    state = page("mqtt.md").split("## State\n")[1].split("\n## ")[0]
    for key in schema["oneOf"][0]["properties"]:
        assert "`%s`" % key in state or '`"%s"`' % key in state, key
