"""The sub-commands of `hymio quarantine`: their options and examples."""

from __future__ import annotations

from typing import Annotated

import typer

from hymio.cli.options import DbOption, JsonOption, examples, new_app

app = new_app(no_args_is_help=True)

HELP = "What terminals sent that could not be counted: look at it, take it in after all, or do away with it."
EXAMPLES = examples(
    "hymio quarantine list --db votes.db --json",
    "hymio quarantine release --db votes.db --device-id till-1",
    "hymio quarantine drop --db votes.db 3f9a61c02b7d",
)

DeviceOption = Annotated[str | None, typer.Option(metavar="ID", help="All that this terminal sent.")]
IdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="As `list` shows them, or beginnings.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Everything that is there.")]


@app.command(
    "list",
    epilog=examples(
        "hymio quarantine list --db votes.db", "hymio quarantine list --db votes.db --device-id till-1 --json"
    ),
)
def list_(
    db: DbOption,
    device_id: Annotated[str | None, typer.Option(metavar="ID", help="Only what this terminal sent.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Shows every message, why it was not counted, and how often it came."""
    from hymio.office.quarantine import run_list

    run_list(db, device_id, as_json)


@app.command(
    epilog=examples(
        "hymio quarantine release --db votes.db 3f9a61c02b7d",
        "hymio quarantine release --db votes.db --device-id till-1",
        "hymio quarantine release --db votes.db --all --json",
    )
)
def release(
    db: DbOption,
    ids: IdsArgument = None,
    device_id: DeviceOption = None,
    everything: AllOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tries once more to count them: never twice, what contradicts stays. Exit status 1 if any stay."""
    from hymio.office.quarantine import run_release

    run_release(db, ids or [], device_id, everything, as_json)


@app.command(
    epilog=examples(
        "hymio quarantine drop --db votes.db 3f9a61c02b7d --yes",
        "hymio quarantine drop --db votes.db --device-id till-1 --yes --json",
    )
)
def drop(
    db: DbOption,
    ids: IdsArgument = None,
    device_id: DeviceOption = None,
    everything: AllOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="They are gone for good, and that is meant.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Does away with them; how many they were is kept. Asks first, or wants --yes."""
    from hymio.office.quarantine import run_drop

    run_drop(db, ids or [], device_id, everything, yes, as_json)
