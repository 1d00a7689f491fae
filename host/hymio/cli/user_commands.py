"""The sub-commands of `hymio user`: their options and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hymio.cli.options import DbOption, JsonOption, examples, new_app
from hymio.common.roles import Role

app = new_app(no_args_is_help=True)

HELP = "Accounts: who may look at the pages of `hymio serve`, and what of the places. The first one is an admin's."
EXAMPLES = examples(
    "hymio user add anna --db votes.db --role admin",
    "hymio user add bo@city.example --db votes.db --role manager --place wards",
    "hymio user disable bo@city.example --db votes.db",
)

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="By which it logs in; an e-mail address, for example.")
]
PlaceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--place",
        metavar="KEY",
        help="A group, an experience point or an organisation: it and all below it; may be given several times."
        " Else the organisation, where there is one.",
    ),
]
PasswordOption = Annotated[
    Path | None,
    typer.Option(
        "--password-file", metavar="FILE", help="One line, the password; -: from stdin. Else it is asked for."
    ),
]


@app.command(
    epilog=examples(
        "hymio user add anna --db votes.db --role admin",
        "hymio user add bo@city.example --db votes.db --role manager --place wards --email bo@city.example",
        "pass show hymio/screen | hymio user add screen --db votes.db --role viewer --password-file - --json",
        "hymio user add eva@city.example --db votes.db --role viewer --oidc https://login.city.example",
    )
)
def add(
    db: DbOption,
    name: NameArgument,
    role: Annotated[
        Role,
        typer.Option(
            "--role", metavar="ROLE", help="admin: everything; manager: runs its places; viewer: sees their figures."
        ),
    ],
    place: PlaceOption = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where reports and alerts go.")] = None,
    password_file: PasswordOption = None,
    oidc: Annotated[
        str | None,
        typer.Option(
            metavar="ISSUER", help="Has no password here: this OpenID Connect issuer vouches for the address."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Makes an account. There is no default password: it is asked for, unseen."""
    from hymio.office.users import run_add

    run_add(db, name, role, place or (), email, password_file, oidc, as_json)


@app.command("list", epilog=examples("hymio user list --db votes.db", "hymio user list --db votes.db --json"))
def list_(db: DbOption, as_json: JsonOption = False) -> None:
    """Which accounts there are, in which role, and when they logged in last."""
    from hymio.office.users import run_list

    run_list(db, as_json)


@app.command(epilog=examples("hymio user disable bo@city.example --db votes.db"))
def disable(db: DbOption, name: NameArgument, as_json: JsonOption = False) -> None:
    """Takes an account out of use: it is logged out at once, and keeps its name."""
    from hymio.office.users import run_disable

    run_disable(db, name, True, as_json)


@app.command(epilog=examples("hymio user enable bo@city.example --db votes.db"))
def enable(db: DbOption, name: NameArgument, as_json: JsonOption = False) -> None:
    """Takes a disabled account back into use."""
    from hymio.office.users import run_disable

    run_disable(db, name, False, as_json)


@app.command(
    epilog=examples(
        "hymio user password anna --db votes.db",
        "hymio user password anna --db votes.db --password-file new.txt --json",
    )
)
def password(
    db: DbOption, name: NameArgument, password_file: PasswordOption = None, as_json: JsonOption = False
) -> None:
    """Gives an account a new password, which logs it out everywhere."""
    from hymio.office.users import run_password

    run_password(db, name, password_file, as_json)


@app.command(
    epilog=examples(
        "hymio user role bo@city.example viewer --db votes.db --place wards --place bar",
        "hymio user role anna admin --db votes.db --json",
    )
)
def role(
    db: DbOption,
    name: NameArgument,
    role: Annotated[Role, typer.Argument(metavar="ROLE", help="admin, manager or viewer.")],
    place: PlaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Gives an account a role, and places in place of those that it had."""
    from hymio.office.users import run_role

    run_role(db, name, role, place or (), as_json)
