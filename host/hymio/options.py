"""Options that many commands share, and the form of --help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hymio.hidden import BROKER_VARIABLE, DB_VARIABLE


class HelpGroup(TyperGroup):
    """Lists its commands under the headings of their `rich_help_panel`, each with its first sentences unabridged."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Called by typer for the end of --help."""
        headings: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                heading = getattr(command, "rich_help_panel", None)
                said = " ".join((command.help or "").partition("\n\n")[0].split())
                headings.setdefault(heading if isinstance(heading, str) else "Commands", []).append((name, said))
        for heading, rows in sorted(headings.items()):
            with formatter.section(heading):
                formatter.write_dl(rows)


def new_app(**options: Any) -> typer.Typer:
    """A group of commands. Help is plain text: Markdown would swallow what looks like a tag, and cost 0.1 s."""
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
    return typer.Typer(
        cls=HelpGroup, rich_markup_mode=None, pretty_exceptions_enable=False, context_settings=settings, **options
    )


JsonOption = Annotated[
    bool, typer.Option("--json", help="For programs: JSON on stdout, a JSON error as the last line of stderr.")
]

BrokerOption = Annotated[
    str,
    typer.Option(
        "--broker",
        metavar="URL",
        envvar=BROKER_VARIABLE,
        help="mqtt://[user:password@]host[:port], mqtts:// for TLS; @FILE: as that file says.",
    ),
]
DbOption = Annotated[
    str,
    typer.Option(
        "--db",
        metavar="URL",
        envvar=DB_VARIABLE,
        show_envvar=False,  # else it stands in the middle of "Missing option '--db'."
        help="The database: votes.db, sqlite:///votes.db or postgresql://user@host/name; @FILE: as that file says."
        " Without it: HYMIO_DB.",
    ),
]
CaOption = Annotated[
    Path | None, typer.Option("--ca", metavar="FILE", help="With mqtts://: believe only brokers of this CA (PEM).")
]
CertOption = Annotated[
    Path | None, typer.Option("--cert", metavar="FILE", help="With mqtts://: our certificate (PEM).")
]
KeyOption = Annotated[Path | None, typer.Option("--key", metavar="FILE", help="With --cert: its key (PEM).")]

DEFAULT_BROKER = "mqtt://127.0.0.1:1883"


def examples(*lines: str) -> str:
    """The end of a --help text: command lines to copy, each on one line however long it is."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))
