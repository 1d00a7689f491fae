"""Days of the real firmware in virtual time with a meter on its supply: what `hymio sim energy` measures."""

from __future__ import annotations

from typing import Final

from hymio_sim.energy.data import DHCP_MS, TLS_MS, Install
from hymio_sim.energy.life import EnergyMeter, Life, presses
from hymio_sim.run.virtual import VirtualTerminal
from hymio_sim.run.virtual_link import AirTimes

_DAY_S: Final = 86_400.0
_SETTLE_S: Final = 300.0
"""After power-on a terminal stays awake for a minute and uploads its first records, which is no part of a day."""


def measure(
    install: Install, *, votes: int, uploads: int, profile: str, battery: str, days: int = 3, seed: int = 0
) -> Life:
    """Runs one terminal for `days` days in virtual time, and gives what it drew.

    It should be more than one day, so that sectors are erased as often as on average. votes and uploads: how many in a
    day; profile: `power.profile` of the configuration; battery: a key of BATTERIES.
    """
    config = {"power": {"profile": profile, "uploads_per_day": uploads}}
    air_times = AirTimes(join_ms=DHCP_MS, handshake_ms=TLS_MS)
    with VirtualTerminal(
        "till-1", network=True, seed=seed, config=config, install=install, air_times=air_times
    ) as terminal:
        meter = EnergyMeter(terminal.clock, install)
        terminal.hardware.meter(meter)
        # The device id delays the uploads by up to a quarter of their period, so the first one may come that late.
        terminal.run(_SETTLE_S + _DAY_S / uploads / 4)
        meter.reset()
        before = len(terminal.of("record"))
        begin_s = terminal.clock.now_us() / 1e6
        for day in range(days):
            for at_s, button in presses(votes, seed + 1000 * day):
                _run_to(terminal, begin_s + day * _DAY_S + at_s)
                terminal.press(button)
        _run_to(terminal, begin_s + days * _DAY_S)
        drawn = meter.coulomb()
        counts = {
            "presses": len(terminal.of("record")) - before,
            "wakes": meter.counts["cpu waking"],
            "uploads": meter.counts["radio on"],
        }
    per_day = {name: count / days for name, count in counts.items()}
    return Life(install, battery, {cause: value / days for cause, value in drawn.items()}, per_day)


def _run_to(terminal: VirtualTerminal, at_s: float) -> None:
    terminal.run(max(0.0, at_s - terminal.clock.now_us() / 1e6))
