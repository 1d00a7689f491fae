"""What forms have in common: who may use them, places to choose from, what was done, what is wrong with which field."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from hymio.locale.sentence import Sentence, _
from hymio.pages.access import SiteNow
from hymio.pages.errors import Refused
from hymio.pages.reader import PageReader
from hymio.site.model import Node
from hymio.store.accounts import AccountError, no_such_place, root_named
from hymio.store.users import Root

CHOICES_MAX: Final = 300
"""Of more places nobody chooses from a list, and the page would not stay small: their keys are typed."""

Wrong = dict[str, Sentence]
"""What is wrong, by field."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A place that can be chosen. value: as `root_named` takes it; below: what lies in it."""

    value: str
    name: str
    below: list[Choice]


def place_choices(reader: PageReader) -> list[Choice] | None:
    """The trees of all places that somebody sees; None: they are too many."""
    nodes = (node for site in reader.sites() for node in reader.access.nodes(site))
    if len(list(islice(nodes, CHOICES_MAX + 1))) > CHOICES_MAX:
        return None
    return [choice for site in reader.sites() for choice in _of_site(reader, site)]


def _of_site(reader: PageReader, site: SiteNow) -> list[Choice]:
    own = site.organisation

    def those(nodes: Iterable[Node]) -> list[Choice]:
        ordered = sorted(nodes, key=lambda one: one.name.casefold())
        return [
            Choice(f"{own.key}/{node.key}", node.name, those(site.places.children.get(node.key, ())))
            for node in ordered
        ]

    tops = reader.access.tops(site)
    if None in tops:
        return [Choice(own.key, own.name, those(site.places.children.get(None, ())))]
    return those(site.places.by_key[key] for key in tops if key is not None)


def chosen_place(reader: PageReader, wrong: Wrong) -> tuple[SiteNow, Root] | None:
    """The place of the field `place`; None: there is none that they see, which is noted."""
    text = reader.said("place")
    if not text:
        wrong["place"] = _("Choose a place.")
        return None
    try:
        root = root_named([site.stored for site in reader.sites()], text)
    except AccountError as error:
        wrong["place"] = error.said
        return None
    site = next(one for one in reader.sites() if one.stored.id == root.organisation_id)
    if not sees_root(reader, root):
        wrong["place"] = no_such_place(text)
        return None
    return site, root


def sees_root(reader: PageReader, root: Root) -> bool:
    """Whether a place is one of theirs."""
    for site in reader.sites():
        if site.stored.id == root.organisation_id:
            key = None if root.node_id is None else site.stored.node_keys[root.node_id]
            return reader.access.sees(site, key)
    return False


def chosen(reader: PageReader, name: str, among: Container[str], wrong: Wrong) -> str:
    """The value of a field that offers a few."""
    said = reader.said(name)
    if said not in among:
        wrong[name] = _("Choose one of these.")
    return said


def need_to_run_places(reader: PageReader) -> None:
    """Refuses whoever only looks."""
    if not reader.access.may_run_places:
        raise Refused(403)


def need_to_see_presses(reader: PageReader) -> None:
    """Refuses whoever sees figures alone."""
    if not reader.access.sees_presses:
        raise Refused(403)


def done_of(reader: PageReader, said: Mapping[str, Sentence]) -> Sentence | None:
    """What was done just before, by what stands in the address then; None: nothing, or a form is looked at again."""
    return said.get(reader.request.query_params.get("done", "")) if reader.request.method == "GET" else None


def place_names(reader: PageReader) -> dict[tuple[str, str | None], str]:
    """How the places are called that they see, by the keys of organisation and place."""
    return {
        (site.organisation.key, key): name
        for site in reader.sites()
        for key, name in [(None, site.organisation.name), *((one.key, one.name) for one in reader.access.nodes(site))]
    }


def asked_number(reader: PageReader, name: str) -> int:
    """A number that a form names; 0, which nothing has, if it names none."""
    return number_in(reader.said(name)) or 0


def number_in(said: str) -> int | None:
    """The number that a text is; None: it is none, or larger than any that there is."""
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else None
