"""`hymio config`: the configuration of one terminal on a cable, value by value; the terminal itself checks it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from smp.settings_management import SETTINGS_MGMT_ERR
from smpclient.requests.os_management import ResetWrite
from smpclient.requests.settings_management import DeleteSetting, LoadSettings, ReadSetting, SaveSettings, WriteSetting

from hymio.common.errors import ANSWERED_ERROR, WRONG_USE, Failure
from hymio.common.output import console, note, print_json

if TYPE_CHECKING:
    from hymio.cable.smp_session import CableSession

SECRET: Final = "(secret)"
"""Stands in the place of a value that the terminal does not give away."""


class _Secret(Failure):
    pass


def _refusals(key: str) -> Mapping[int, Failure]:
    unknown = Failure(WRONG_USE, f"There is no setting {key}.", "`hymio config list` shows those that there are.")
    secret = _Secret(
        ANSWERED_ERROR, f"{key} is a secret: a terminal takes it and does not give it away.", "Set it anew if in doubt."
    )
    return {int(SETTINGS_MGMT_ERR.KEY_NOT_FOUND): unknown, int(SETTINGS_MGMT_ERR.READ_NOT_SUPPORTED): secret}


def _path(key: str) -> str:
    """The name of a setting on the wire; `mqtt.host` is what config.json and error messages call it."""
    return key.replace(".", "/")


def get_setting(cable: CableSession, key: str) -> str:
    """Reads one value: a text as it is, anything else as JSON."""
    return cable.ask(ReadSetting(name=_path(key)), _refusals(key)).val.decode()


def set_setting(cable: CableSession, key: str, value: str | None) -> None:
    """Writes and saves one value, or its default for None; it holds from the terminal's next start."""
    cable.ask(LoadSettings())  # what somebody else has changed and not saved is not ours to save
    if value is None:
        cable.ask(DeleteSetting(name=_path(key)), _refusals(key))
    else:
        cable.ask(WriteSetting(name=_path(key), val=value.encode()), _refusals(key))
    cable.ask(SaveSettings())


def typed(key: str, value: str) -> Any:
    """What the text of a setting on the wire means: a text is itself, all else is JSON, and a secret is None.

    A setting that this hymio does not know is JSON if it can be read as such.
    """
    from hymio.common.firmware_files import firmware_module

    default: Any = firmware_module("config").build_each({})
    for name in key.split("."):
        default = default.get(name) if isinstance(default, dict) else None
    if value == SECRET:
        return None
    if isinstance(default, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _keys(config: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in config.items():
        if isinstance(value, dict) and value:
            yield from _keys(value, f"{prefix}{name}.")
        elif not isinstance(value, dict):
            yield prefix + name


def known_keys() -> list[str]:
    """Every setting that the firmware of this hymio has."""
    from hymio.common.firmware_files import firmware_module

    return list(_keys(firmware_module("config").build({})))


def list_settings(cable: CableSession) -> dict[str, str]:
    """Reads all settings that the terminal knows, by key; a secret is SECRET."""
    found = {}
    for key in known_keys():
        try:
            found[key] = get_setting(cable, key)
        except _Secret:
            found[key] = SECRET
        except Failure as failure:
            if failure.exit_status != WRONG_USE:
                raise  # otherwise it is a setting that the terminal's firmware does not have
    return found


def run_get(port: str | None, key: str, as_json: bool) -> None:
    """Prints one value."""
    with _cable(port) as cable:
        value = get_setting(cable, key)
    if as_json:
        print_json({"key": key, "value": value, "typed": typed(key, value)})
    else:
        print(value)


def run_list(port: str | None, as_json: bool) -> None:
    """Prints all values."""
    with _cable(port) as cable:
        found = list_settings(cable)
    if as_json:
        print_json({"settings": found, "typed": {key: typed(key, value) for key, value in found.items()}})
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("key", "value", box=None)
    for key, value in found.items():
        table.add_row(key, escape(value))  # a network may be called [guest]
    console().print(table)


def run_set(port: str | None, key: str, value: str | None, restart: bool, as_json: bool) -> None:
    """Saves one value, or its default for None; with `restart` the terminal starts with it at once."""
    with _cable(port) as cable:
        set_setting(cable, key, value)
        if restart:
            cable.ask(ResetWrite())
    if as_json:
        print_json({"key": key, "saved": True, "restarted": restart})
    elif restart:
        note(f"{key} is saved and the terminal starts with it.")
    else:
        note(f"{key} is saved; it holds from the terminal's next start (now: --restart).")


def _cable(port: str | None) -> CableSession:
    from hymio.cable.ports import choose_port
    from hymio.cable.smp_session import CableSession

    return CableSession(choose_port(port))
