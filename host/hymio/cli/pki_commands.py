"""The sub-commands of `hymio pki`: their options and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hymio.cli.options import CaOption, CertOption, JsonOption, KeyOption, examples, new_app

app = new_app(no_args_is_help=True)

HELP = "A private CA: certificates for terminals, brokers, collectors and operators."

DaysOption = Annotated[
    int | None,
    typer.Option(
        "--days", metavar="DAYS", help="Good for, never beyond the CA; default 3650 for a terminal, else 730."
    ),
]
DirOption = Annotated[Path, typer.Option("--dir", metavar="DIR", help="The directory of the CA.")]


@app.command(epilog=examples("hymio pki init --dir pki", "hymio pki init --dir pki --name 'Kiosks CA' --days 3650"))
def init(
    directory: DirOption,
    name: Annotated[
        str,
        typer.Option("--name", metavar="NAME", help="What the CA is called; it goes over the air, so keep it short."),
    ] = "hymio",
    days: Annotated[int, typer.Option("--days", metavar="DAYS", help="How long it is good.")] = 7300,
    as_json: JsonOption = False,
) -> None:
    """Makes a CA. Its key stays in DIR, without a passphrase: keep the directory where only you can read it."""
    from hymio.pki.authority import run_init

    run_init(directory, name, days, as_json)


@app.command(
    epilog=examples(
        "hymio pki issue --dir pki till-1",
        "hymio pki issue --dir pki --server broker.example,192.0.2.10",
        "hymio pki issue --dir pki --collector office --days 365",
        "hymio pki issue --dir pki --operator anna",
        "hymio pki issue --dir pki --home-assistant home",
        "hymio pki issue --dir pki --renew --server broker.example,192.0.2.10 --json",
    )
)
def issue(
    directory: DirOption,
    device_id: Annotated[str | None, typer.Argument(metavar="[DEVICE_ID]", help="For a terminal.")] = None,
    server: Annotated[
        str | None,
        typer.Option(metavar="HOST,..", help="For a broker: every name and address by which terminals call it."),
    ] = None,
    collector: Annotated[str | None, typer.Option(metavar="ID", help="For `hymio collect --collector-id ID`.")] = None,
    operator: Annotated[
        str | None, typer.Option(metavar="ID", help="For who gives orders to terminals: cmd, config push, renewals.")
    ] = None,
    home_assistant: Annotated[
        str | None, typer.Option(metavar="ID", help="For a Home Assistant: it may read the figures, nothing else.")
    ] = None,
    days: DaysOption = None,
    renew: Annotated[bool, typer.Option("--renew", help="A new one, though there is one that is good.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Makes a key and its certificate, in DIR/issued/NAME: PEM for tools and brokers, DER for terminals."""
    from hymio.pki.authority import run_issue

    run_issue(directory, device_id, server, collector, operator, days, renew, as_json, home_assistant)


@app.command(epilog=examples("hymio pki revoke --dir pki till-1", "hymio pki revoke --dir pki till-1 --json"))
def revoke(
    directory: DirOption,
    name: Annotated[str, typer.Argument(metavar="DEVICE_ID", help="Whose: a device id, collector id or host.")],
    as_json: JsonOption = False,
) -> None:
    """Shuts somebody out whose key may be in other hands, and says how the broker gets to know."""
    from hymio.pki.authority import run_revoke

    run_revoke(directory, name, as_json)


@app.command(epilog=examples("hymio pki crl --dir pki", "hymio pki crl --dir pki --json"))
def crl(directory: DirOption, as_json: JsonOption = False) -> None:
    """Writes the revocation list anew: it is good for a year, and with an old one a broker lets nobody in."""
    from hymio.pki.authority import run_crl

    run_crl(directory, as_json)


@app.command("list", epilog=examples("hymio pki list --dir pki", "hymio pki list --dir pki --json"))
def list_(directory: DirOption, as_json: JsonOption = False) -> None:
    """Every certificate: good, expiring (under 30 days), expired, renewed or revoked. Warns before the list ends."""
    from hymio.pki.listing import run_list

    run_list(directory, as_json)


@app.command(
    epilog=examples(
        "hymio pki renew --dir pki till-1 --broker mqtts://broker.example --ca ca.pem --cert cert.pem --key key.pem",
        "hymio pki renew --dir pki --expiring 30d --broker mqtts://broker.example --ca ca.pem --cert c.pem --key k.pem",
        "hymio pki renew --dir pki --expiring 30d --broker mqtt://127.0.0.1:1883 --wait 7h --json",
        "hymio pki renew --dir pki till-1",
    )
)
def renew(
    directory: DirOption,
    device_id: Annotated[str | None, typer.Argument(metavar="[DEVICE_ID]", help="This terminal's.")] = None,
    expiring: Annotated[
        str | None, typer.Option(metavar="TIME", help="Instead: of every terminal whose certificate ends within it.")
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            # This option changes what is done, so it is not taken from the environment.
            help="Send it there (@FILE: as that file says; HYMIO_BROKER does not count); else it is only made.",
        ),
    ] = None,
    days: DaysOption = None,
    wait: Annotated[
        str, typer.Option(metavar="TIME", help="For terminals that are away or sleep, and for what becomes of it.")
    ] = "15m",
    ca: CaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Another certificate for the key that a terminal has; no key travels. For a daily timer: --expiring.

    The terminal tries it beside the old one and goes back if the broker won't have it. Exit status 3 if a terminal was
    not reached, 5 if one refuses; what was not taken is offered again the next time.
    """
    from hymio.mqtt.broker_tls import TlsFiles
    from hymio.office.renew import run_renew

    status = run_renew(directory, device_id, expiring, broker, TlsFiles(ca, cert, key), days, wait, as_json)
    if status:
        raise typer.Exit(status)
