"""Nobody writes into an object behind its back: what a module does to another is a call, with values in and out."""

import ast

from hymio.common.firmware_files import firmware_dir

TERMINAL = firmware_dir() / "terminal"

# Modules that are the other half of a class, each with the objects that it may write into and the reason.
HALVES = {
    "startup": ({"app", "text", "clock", "outbox", "log"}, "the half of App that is needed once"),
    "run": ({"app"}, "the driver of an App"),
    "clock_belief": ({"clock"}, "the half of Clock that judges what somebody tells"),
    "net_sntp": ({"ntp"}, "the half of Ntp that knows how its packets look"),
    "sleep_recall": ({"clock", "power", "flood", "debounce", "votes", "vote", "press_path"}, "battery-only state"),
    "log_scrub": ({"log", "reader"}, "a pass tells what it has found, and reads with a reader of others"),
}
OBJECTS = {
    "app", "log", "clock", "text", "power", "uplink", "outbox", "wifi", "ntp", "feedback", "press_path", "debounce",
    "votes", "vote", "flood", "reader",
}  # fmt: skip


def written(tree):
    """The names of whose attributes the module sets some, outside of the class of that object itself."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for part in ast.walk(target):
                    if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
                        owner = part.value
                        name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
                        found.setdefault(name.lstrip("_"), part.lineno)
    return found


def test_no_module_that_is_loaded_for_a_while_writes_into_the_app_or_the_log():
    for path in sorted(TERMINAL.glob("*.py")):
        allowed = HALVES.get(path.stem, (set(), ""))[0]
        if path.stem in ("app", "press_verdict", "press_path"):  # what they own is made of these
            continue
        for name, line in written(ast.parse(path.read_text(encoding="utf-8"))).items():
            assert name not in OBJECTS - allowed, f"{path.name}:{line} sets a field of {name}"


def test_the_log_is_written_into_by_nobody():
    for path in sorted(TERMINAL.glob("*.py")):
        if path.stem not in ("startup", "app", "log_scrub"):  # `may_erase` is the supply's, `burned` the scrub's
            assert "log" not in written(ast.parse(path.read_text(encoding="utf-8"))), path.name


def test_the_clock_keeps_no_moment_for_others():
    from terminal.clock import Clock

    clock = Clock(0)
    before = dict(vars(clock))
    clock.put(bytearray(16), 1234)
    assert vars(clock) == before
