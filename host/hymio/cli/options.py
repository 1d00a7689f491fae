"""Options that many commands share, and the form of --help."""

from __future__ import annotations

from copy import copy
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup
from typer.main import get_command_name

from hymio.common.hidden_passwords import BROKER_VARIABLE, DB_VARIABLE, SMTP_VARIABLE

_LIKE = 0.7
"""How much alike two names have to be, by difflib's ratio: `statsu` is like `status` (0.83) and `lgos` like `logs`
(0.75), `bogus` is not (0.67)."""


class HelpGroup(TyperGroup):
    """Lists its commands under the headings of their `rich_help_panel`, each with its first sentences unabridged."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Is called by typer for the word that ought to be a command."""
        try:
            return super().resolve_command(ctx, args)
        except Exception as error:
            near = near_names(args[0], self.list_commands(ctx)) if args else []
            if near and (said := getattr(error, "message", None)):
                error.message = f"{said} Did you mean {' or '.join(near)}?"  # type: ignore[attr-defined]
            raise

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Is called by typer for the end of --help."""
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


def near_names(typed: str, names: list[str]) -> list[str]:
    """The names that somebody may have meant who typed this.

    They are those that begin with it, or a few that are much like it.
    """
    begun = [name for name in names if len(typed) > 1 and name.startswith(typed)]
    return begun or get_close_matches(typed, names, cutoff=_LIKE)


def new_app(**options: Any) -> typer.Typer:
    """A group of commands. Its help is plain text: Markdown would swallow what looks like a tag, and cost 0.1 s."""
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
    return typer.Typer(
        cls=HelpGroup,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        suggest_commands=False,  # its suggestions are far-fetched; ours are `near_names`
        context_settings=settings,
        **options,
    )


def only(whole: typer.Typer, name: str) -> typer.Typer:
    """The same group with the command of that name alone, or all of it if there is none.

    Typer looks at the options of every command before it asks which one is wanted, which takes longer than many a
    command itself.
    """
    picked = copy(whole)
    picked.registered_commands = [
        one
        for one in whole.registered_commands
        if name == (one.name or get_command_name(one.callback.__name__))  # type: ignore[union-attr]
    ]
    picked.registered_groups = []
    for group in whole.registered_groups:
        if isinstance(group.name, str):
            part = group.typer_instance if group.name == name else None
        else:  # its commands are those of the whole
            part = only(group.typer_instance, name)  # type: ignore[arg-type]
            part = None if part is group.typer_instance else part
        if part is not None:
            one_group = copy(group)
            one_group.typer_instance = part
            picked.registered_groups.append(one_group)
    return picked if picked.registered_commands or picked.registered_groups else whole


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
        show_envvar=False,  # otherwise it stands in the middle of "Missing option '--db'."
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

SmtpOption = Annotated[
    str | None,
    typer.Option(
        "--smtp",
        metavar="URL",
        envvar=SMTP_VARIABLE,
        help="Who sends mail: smtp://[user:password@]host[:port], smtps:// for TLS at once; @FILE: as that file says.",
    ),
]
MailFromOption = Annotated[
    str | None, typer.Option("--mail-from", metavar="ADDRESS", help="From whom mail is; else the user of --smtp.")
]
SmtpCaOption = Annotated[
    Path | None, typer.Option("--smtp-ca", metavar="FILE", help="With --smtp: believe only servers of this CA (PEM).")
]

LanguageOption = Annotated[
    Literal["en", "fi", "sv"],
    typer.Option("--language", metavar="en|fi|sv", help="Of what people read: English, Finnish, Swedish."),
]

DEFAULT_BROKER = "mqtt://127.0.0.1:1883"


def examples(*lines: str) -> str:
    """The end of a --help text: command lines to copy, each on one line however long it is."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))
