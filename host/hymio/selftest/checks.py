"""The checks of a self-test, one after the other: each asks the terminal, and asks a person where it can't know."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from hymio.cable.smp_messages import StatusAnswer
from hymio.cable.smp_session import CableSession
from hymio.common.words import counted
from hymio.selftest import drift
from hymio.selftest.messages import StateRead, TestAnswer, TestRun
from hymio.selftest.report import Check, Result
from hymio.wire.records import VERDICTS, Press

RECORD_MS: Final = 100.0
"""The limit from the order to a record that was read back from flash; after more, visitors think that "it does
nothing"."""
FLASH_MS: Final = 2000.0
"""The limit for the flash. 64 programs and one erase take 600 ms at a data sheet's worst; the rest is for the
interpreter that compares them."""
RSSI_DBM: Final = -80.0
"""The weakest good signal; below it ESP32 boards begin to lose the network."""
DRIFT_PPM: Final = 500.0
"""The limit for the clock: 22 s in the 12 hours between two looks at NTP. A quartz has 10 to 50 ppm, but a cable can't
show that in so short a time."""
DRIFT_WAIT_S: Final = 60.0
"""How long the drift is waited for at most when everything else is done. By a cable that takes 30 ms to ask and answer,
500 ppm can be told after a minute."""
BUTTON_S: Final = 20.0
"""How long a person has to press a button whose light is on."""
TLS_S: Final = 20.0
"""How long a connection may take to come about."""
SPARE_S: Final = 8.0
"""How long a terminal may take to erase a sector ahead: it does so 3 s after the last finger."""

_BUTTONS: Final = (1, 2, 3, 4)
_LAST_BUTTON: Final = "button_4"
_LIGHT_S: Final = 0.5
_POLL_S: Final = 0.15
_PATIENCE_S: Final = (15.0,)
"""The time-out for what stops the processor for seconds. There is only one, since what is asked for twice would be done
twice."""
_ON: Final = 2


@dataclass
class TestStand:
    """A terminal on a cable, and whoever stands beside it."""

    cable: CableSession
    status: StatusAnswer
    doing: Callable[[str], None]
    """Is called with what is being tried."""
    tell: Callable[[str], None]
    """Is called with what a person has to do."""
    ask: Callable[[str], bool | None]
    """Asks a person a question; gives yes or no, or None if nobody is there to answer."""
    seq: int
    """The seq of the next record to be looked at."""
    is_answered_ahead: bool = False
    """Whether `ask` says yes without anybody having looked."""
    unseen: list[str] = field(default_factory=list)
    """The checks that nobody was there to see."""

    def run(self, test: TestRun, is_slow: bool = False) -> TestAnswer:
        """Has the terminal run a test."""
        return self.cable.ask(test, timeouts_s=_PATIENCE_S if is_slow else None)


def checks(bench: TestStand, skip: Collection[str]) -> Iterator[Check]:
    """Makes every check but those of `skip` (of NAMES), and gives each as it is done."""
    first = drift.read(lambda: bench.cable.ask(StateRead()).uptime_ms)
    problem = bench.status.problem
    for group, name, needs_log, check in _CHECKS:
        if group in skip:
            continue
        if problem is not None and needs_log:
            yield Check(name, "failed", f"The terminal does not count: {problem}.")
            continue
        bench.doing(name)
        yield check(bench)
        if name == _LAST_BUTTON:
            bench.run(TestRun(name="light", n=0))
    if "drift" not in skip:
        bench.doing("drift")
        yield _drift(bench, first)


# ---- flash ----


def _record(bench: TestStand) -> Check:
    done = bench.run(TestRun(name="record"))
    bench.seq = done.s + 1
    if not done.ok:
        return Check("record", "failed", "The log takes no record.")
    said = "A record is in the log and was read back."
    return Check("record", _passed(done.ms <= RECORD_MS), said, done.ms, "ms", at_most=RECORD_MS)


def _flash(bench: TestStand) -> Check:
    end_s = time.monotonic() + SPARE_S
    while True:
        done = bench.run(TestRun(name="flash"), is_slow=True)
        if done.ok is not None or done.rsn:
            break
        if time.monotonic() > end_s:
            return Check("flash", "failed", f"No sector could be erased ahead within {SPARE_S:.0f} s.")
        time.sleep(1)
    if done.ok is None:
        return Check("flash", "unclear", f"Not done: {done.rsn}.")
    if not done.ok:
        return Check("flash", "failed", f"Sector {done.n} does not {done.rsn}.", done.ms, "ms", at_most=FLASH_MS)
    found = f"Spare sector {done.n} was programmed, compared, erased and found blank."
    return Check("flash", _passed(done.ms <= FLASH_MS), found, done.ms, "ms", at_most=FLASH_MS)


def _files(bench: TestStand) -> Check:
    done = bench.run(TestRun(name="files"))
    if done.ok is None:
        return Check("files", "skipped", "The terminal keeps no files.")
    return Check("files", _passed(done.ok), f"A file was{'' if done.ok else ' not'} kept.")


# ---- hands and eyes ----


def _contacts(bench: TestStand) -> Check:
    mask = bench.cable.ask(StateRead()).buttons
    closed = [str(button) for button in _BUTTONS if mask >> button - 1 & 1]
    if closed:
        said = f"Closed with no finger on them: {', '.join(closed)}."
        return Check("contacts", "failed", said, len(closed), "closed", at_most=0)
    return Check("contacts", "passed", "All four are open.", 0, "closed", at_most=0)


def _lights(bench: TestStand) -> Check:
    for light in _BUTTONS:
        bench.run(TestRun(name="light", n=light))
        time.sleep(_LIGHT_S)
    bench.run(TestRun(name="light", n=0))
    return _seen(bench, "lights", "Did the four lights go on one after the other?", "The four lights were lit in turn")


def _buzzer(bench: TestStand) -> Check:
    if not bench.run(TestRun(name="tone")).ok:
        return Check("buzzer", "skipped", "No buzzer is configured.")
    return _seen(bench, "buzzer", "Did it beep?", "The buzzer was told to beep")


def _seen(bench: TestStand, name: str, question: str, done: str) -> Check:
    """Asks for what only a person can see."""
    seen = bench.ask(question)
    if seen is None:
        bench.unseen.append(name)
        return Check(name, "skipped", f"{done}; nobody was asked.")
    if bench.is_answered_ahead:
        return Check(name, _passed(seen), f"{done}; --yes answered, nobody was asked.")
    return Check(name, _passed(seen), f"{done}; a person says {'yes' if seen else 'no'}.")


def _button(button: int) -> Callable[[TestStand], Check]:
    def check(bench: TestStand) -> Check:
        name = f"button_{button}"
        bench.tell(f"press button {button}: its light is on")
        before = bench.run(TestRun(name="light", n=button)).tot
        end_s = time.monotonic() + BUTTON_S
        while True:
            now = bench.run(TestRun(name="light", n=button)).tot
            pressed = [b for b in _BUTTONS if now[b - 1] > before[b - 1]]
            if pressed:
                return _pressed(bench, name, button, pressed, sum(now) - sum(before))
            if time.monotonic() > end_s:
                return Check(name, "failed", f"Nobody pressed button {button} within {BUTTON_S:.0f} s of its light.")
            time.sleep(_POLL_S)

    return check


def _pressed(bench: TestStand, name: str, button: int, pressed: list[int], count: int) -> Check:
    """Compares what the log says of the newest `count` presses with the light that asked for one."""
    records = _new_presses(bench)[-count:]
    if pressed != [button]:
        came = " and ".join(str(one) for one in pressed)
        return Check(name, "failed", f"Light {button} asked, button {came} was pressed.")
    verdicts = {VERDICTS[record.verdict] for record in records}
    if verdicts != {"test"}:
        stored = ", ".join(sorted(verdicts)) or "nothing"
        return Check(name, "failed", f"The press is in the log as {stored}, expected test.")
    return Check(name, "passed", "The press is in the log, as a test.", records[0].edges, "edges")


def _new_presses(bench: TestStand) -> list[Press]:
    """The presses that have come into the log since it was looked at last."""
    found: list[Press] = []
    while True:
        batch, _ = bench.cable.records(bench.seq, bench.status.device_id)
        bench.seq = max(bench.seq, batch.last_seq + 1)
        found += [record for _, record in batch.records if isinstance(record, Press)]
        if not batch.slots or not batch.behind:
            return found


# ---- network ----


def _wifi(bench: TestStand) -> Check:
    done = bench.run(TestRun(name="wifi"), is_slow=True)
    if done.rsn:
        return Check("wifi", "unclear", f"Not done: {done.rsn}.")
    heard = f"{counted(done.n or 0, 'network')} heard"
    if not done.ok:
        return Check("wifi", "skipped", f"{heard}; none is configured.")
    if done.rssi is None:
        return Check("wifi", "failed", f"{heard}, its own is not among them.", None, "dBm", at_least=RSSI_DBM)
    joined = "joined" if done.wifi == _ON else "not joined"
    said = f"{heard}, its own among them, {joined}."
    return Check("wifi", _passed(done.rssi >= RSSI_DBM), said, done.rssi, "dBm", at_least=RSSI_DBM)


def _tls(bench: TestStand) -> Check:
    end_s = time.monotonic() + TLS_S
    done = bench.run(TestRun(name="mqtt", n=1))
    while done.ok and done.mqtt != _ON and time.monotonic() < end_s:
        time.sleep(_POLL_S)
        done = bench.run(TestRun(name="mqtt", n=0))
    if not done.ok:
        said = f"{done.rsn}." if done.rsn else "No broker is configured."
        return Check("tls", "failed" if done.rsn else "skipped", said)
    if done.mqtt == _ON:
        since = f"Connected for {done.s} s"
        if done.tls:
            return Check("tls", "passed", f"{since}; the broker's certificate and its name were checked.")
        return Check("tls", "skipped", f"{since} without TLS: none is configured.")
    if not done.wifi:
        return Check("tls", "unclear", "The radio is off just now.")
    if done.wifi != _ON:
        return Check("tls", "failed", f"No Wi-Fi within {TLS_S:.0f} s.")
    return Check("tls", "failed", f"No connection within {TLS_S:.0f} s: {done.rsn or 'no answer'}.")


# ---- supply and time ----


def _battery(bench: TestStand) -> Check:
    state = bench.cable.ask(StateRead())
    if state.supply_mv is None:
        return Check("battery", "skipped", "No battery is measured.")
    is_good = state.supply_mv >= state.low_mv
    said = "The limit is that of its configuration."
    return Check("battery", _passed(is_good), said, state.supply_mv, "mV", at_least=state.low_mv)


def _drift(bench: TestStand, first: list[drift.Reading]) -> Check:
    """Waits until the cable can tell the drift, at most DRIFT_WAIT_S."""
    end_s = time.monotonic() + DRIFT_WAIT_S
    last: list[drift.Reading] = []
    while True:
        last += drift.read(lambda: bench.cable.ask(StateRead()).uptime_ms)
        found = drift.between(first, last)
        is_good = found.is_within(DRIFT_PPM)
        if is_good is not None or time.monotonic() > end_s:
            break
        time.sleep(0.5)
    clock = "its clock is set" if bench.cable.ask(StateRead()).clock else "its clock is not set"
    said = f"Uptime over {found.span_s:.0f} s: from {found.low_ppm:+.0f} to {found.high_ppm:+.0f} ppm; {clock}."
    if is_good is None:
        said += " The cable is too slow to tell more."
    result: Result = "unclear" if is_good is None else _passed(is_good)
    return Check("drift", result, said, round(found.ppm), "ppm", -DRIFT_PPM, DRIFT_PPM)


def left_out(bench: TestStand, skip: Collection[str]) -> tuple[str, ...]:
    """The checks that nobody can say anything about, though the board has what they try.

    They are those of `skip` (of NAMES), and those that nobody was there to see.
    """
    names = [name for group, name, _, _ in _CHECKS if group in skip or name in bench.unseen]
    return (*names, *(["drift"] if "drift" in skip else []))


def _passed(is_good: bool) -> Result:
    return "passed" if is_good else "failed"


_CHECKS: Final[tuple[tuple[str, str, bool, Callable[[TestStand], Check]], ...]] = (
    ("record", "record", True, _record),
    ("flash", "flash", True, _flash),
    ("files", "files", False, _files),
    ("contacts", "contacts", False, _contacts),
    ("lights", "lights", True, _lights),
    *(("buttons", f"button_{button}", True, _button(button)) for button in _BUTTONS),
    ("buzzer", "buzzer", True, _buzzer),
    ("wifi", "wifi", False, _wifi),
    ("tls", "tls", True, _tls),
    ("battery", "battery", False, _battery),
)
"""(name under which a check is left out, its own name, whether it needs a terminal that counts, what makes it)"""

NAMES: Final = (*dict.fromkeys(group for group, _, _, _ in _CHECKS), "drift")
"""The names of what can be left out."""
