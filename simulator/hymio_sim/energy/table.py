"""`hymio sim energy` for people: a battery's life, bars for what it is spent on, and the data behind it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from hymio_sim.energy.data import BATTERIES, rows
from hymio_sim.energy.life import Life

_BAR = 30
_INSTALLS = {"frozen": "frozen into the image", "files": "in the file system"}


def show(console: Console, lives: list[Life], asked: str) -> None:
    """Prints one block for each way to install the firmware; asked: the question in words."""
    console.print(f"{asked}\n", highlight=False)
    for life in lives:
        console.print(f"Firmware {_INSTALLS[life.install]}: [bold]{_years(life, life.battery)}[/bold]", highlight=False)
        table = Table("cause", "mC a day", "share", "", box=None)
        for column in table.columns[1:3]:
            column.justify = "right"
        largest = max(life.by_cause.values())
        for cause, coulomb in sorted(life.by_cause.items(), key=lambda item: -item[1]):
            bar = "█" * round(_BAR * coulomb / largest)
            share = 100 * coulomb / life.coulomb_per_day
            table.add_row(cause, f"{1000 * coulomb:.0f}", f"{share:.0f} %", f"[cyan]{bar}[/cyan]")
        table.add_row("all", f"{1000 * life.coulomb_per_day:.0f}")
        console.print(table)
        counts = ", ".join(f"{count:.4g} {name}" for name, count in life.per_day.items())
        others = ", ".join(_years(life, name) for name in BATTERIES if name != life.battery)
        console.print(f"a day: {counts}; else {others}\n", highlight=False)


def _years(life: Life, battery: str) -> str:
    chemistry = BATTERIES[battery].chemistry
    name = battery if chemistry in battery else f"{battery} ({chemistry})"
    return f"{life.years_on(battery):.1f} years on {name}"


def show_data(console: Console) -> None:
    """Prints the table of currents and times, with the source of each."""
    table = Table("what", "how much", "source", box=None)
    for row in rows():
        table.add_row(*row)
    console.print(table)
