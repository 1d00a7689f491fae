"""The sub-commands of `hymio channel` and `hymio deliver`: their options and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hymio.cli.options import (
    DbOption,
    JsonOption,
    LanguageOption,
    MailFromOption,
    SmtpCaOption,
    SmtpOption,
    examples,
    new_app,
)
from hymio.cli.site_commands import OrganisationOption
from hymio.common.hidden_passwords import BROKER_VARIABLE

app = new_app(no_args_is_help=True)
deliver_app = new_app(no_args_is_help=True)

HELP = "Ways to tell people and programs of alerts, cases and answers: e-mail, signed webhooks, MQTT, Apprise."
DELIVER_HELP = "Sends what waits for channels; `hymio serve` does so by itself."
EXAMPLES = examples(
    "hymio channel add --db votes.db --name 'On duty' --email anna@example.org --place wards --language fi",
    "hymio channel test --db votes.db 'On duty' --smtp @/etc/hymio/smtp",
    "hymio channel list --db votes.db",
)

BrokerOption = Annotated[
    str | None,
    typer.Option(
        "--broker", metavar="URL", envvar=BROKER_VARIABLE, help="For MQTT: mqtt://[user:password@]host, or mqtts://."
    ),
]
BrokerCaOption = Annotated[
    Path | None, typer.Option("--broker-ca", metavar="FILE", help="With mqtts://: believe only this CA (PEM).")
]
BrokerCertOption = Annotated[
    Path | None, typer.Option("--broker-cert", metavar="FILE", help="With mqtts://: our certificate there (PEM).")
]
BrokerKeyOption = Annotated[
    Path | None, typer.Option("--broker-key", metavar="FILE", help="With --broker-cert: its key (PEM).")
]
ChannelArgument = Annotated[str, typer.Argument(metavar="CHANNEL", help="Its number or name, as `list` shows them.")]


@app.command(
    epilog=examples(
        "hymio channel add --db votes.db --name 'On duty' --email anna@example.org --place wards --language fi",
        "hymio channel add --db votes.db --name CRM --webhook https://crm.example.org/hooks/hymio --event case",
        "hymio channel add --db votes.db --name Home --mqtt hymio/events --event alert --json",
        "hymio channel add --db votes.db --name SMS --apprise @/etc/hymio/sms",
    )
)
def add(
    db: DbOption,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Who or what is told, as people call it.")],
    email: Annotated[str | None, typer.Option("--email", metavar="ADDRESS", help="By e-mail.")] = None,
    webhook: Annotated[
        str | None, typer.Option("--webhook", metavar="URL", help="A program, over HTTP; signed. @FILE: as it says.")
    ] = None,
    mqtt: Annotated[
        str | None, typer.Option("--mqtt", metavar="TOPIC", help="On a broker; an event of Home Assistant, too.")
    ] = None,
    apprise: Annotated[
        str | None, typer.Option("--apprise", metavar="URL", help="By whatever Apprise knows. @FILE: as it says.")
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(metavar="alert|case|answer", help="Of what it tells; again for more. Else of alerts and cases."),
    ] = None,
    place: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="A group or an experience point: it and all below it. Else everything."),
    ] = None,
    language: LanguageOption = "en",
    organisation: OrganisationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes a channel. Of a webhook the secret is printed, this once, by which its messages are signed.

    Webhooks that are made here may lead into our own network, also without TLS.
    """
    from hymio.office.channels import run_add

    targets = {"email": email, "webhook": webhook, "mqtt": mqtt, "apprise": apprise}
    run_add(db, name, targets, event or ["alert", "case"], place, language, organisation, as_json)


@app.command("list", epilog=examples("hymio channel list --db votes.db", "hymio channel list --db votes.db --json"))
def list_(db: DbOption, as_json: JsonOption = False) -> None:
    """Which channels there are and were, and what becomes of their messages. Of addresses only the beginning."""
    from hymio.office.channels import run_list

    run_list(db, as_json)


@app.command(
    epilog=examples(
        "hymio channel test --db votes.db CRM", "hymio channel test --db votes.db 3 --smtp @/etc/hymio/smtp --json"
    )
)
def test(
    db: DbOption,
    channel: ChannelArgument,
    smtp: SmtpOption = None,
    mail_from: MailFromOption = None,
    smtp_ca: SmtpCaOption = None,
    broker: BrokerOption = None,
    broker_ca: BrokerCaOption = None,
    broker_cert: BrokerCertOption = None,
    broker_key: BrokerKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sends a message that says that it is a test. Exit status 6 if it was not taken."""
    from hymio.mqtt.broker_tls import TlsFiles
    from hymio.office.channels import run_test, ways_of
    from hymio.office.report_rounds import MailOptions

    ways = ways_of(MailOptions(smtp, mail_from, smtp_ca), broker, TlsFiles(broker_ca, broker_cert, broker_key))
    run_test(db, channel, ways, as_json)


@app.command(
    epilog=examples("hymio channel remove --db votes.db 3", "hymio channel remove --db votes.db 'On duty' --json")
)
def remove(db: DbOption, channel: ChannelArgument, as_json: JsonOption = False) -> None:
    """Has nothing go there from now on; what waits for it is given up."""
    from hymio.office.channels import run_remove

    run_remove(db, channel, as_json)


@deliver_app.command(
    epilog=examples(
        "hymio deliver run --db votes.db --smtp @/etc/hymio/smtp",
        "hymio deliver run --db votes.db --broker mqtt://127.0.0.1 --json",
    )
)
def run(
    db: DbOption,
    smtp: SmtpOption = None,
    mail_from: MailFromOption = None,
    smtp_ca: SmtpCaOption = None,
    broker: BrokerOption = None,
    broker_ca: BrokerCaOption = None,
    broker_cert: BrokerCertOption = None,
    broker_key: BrokerKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sends what is due and ends: for cron or a systemd timer, beside or instead of `hymio serve`.

    Exit status 6 if something could not go; it is tried again later, for three days.
    """
    from hymio.mqtt.broker_tls import TlsFiles
    from hymio.office.channels import ways_of
    from hymio.office.deliver import run_deliver
    from hymio.office.report_rounds import MailOptions

    ways = ways_of(MailOptions(smtp, mail_from, smtp_ca), broker, TlsFiles(broker_ca, broker_cert, broker_key))
    run_deliver(db, ways, as_json)
