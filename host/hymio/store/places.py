"""To which place and survey of the database the presses of a minute belong, looked up without asking it each time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Self

from sqlalchemy import Connection

from hymio.site.attribution import FOR_EVER, FROM_EVER, Attributor, PieceOfTime, compile_site
from hymio.site.model import NodeKind, SurveyType, places_of
from hymio.store.schema import NOWHERE
from hymio.store.sites import StoredSite, load_sites, sites_version

KEPT: Final = "hymio_kept"
"""The execution option of connections with what their `Store` keeps for all of them."""


@dataclass(frozen=True, slots=True)
class StoredPiece(PieceOfTime):
    """A piece of time of a terminal, with the ids by which `cells` name the place and the survey."""

    node_id: int = NOWHERE
    survey_id: int = NOWHERE
    staff_block: int = 0
    """So many answers of staff are shown at once; 0: it is not staff that is asked."""

    def is_like(self, other: Self) -> bool:
        """Whether presses belong alike in both."""
        return (self.node_id, self.survey_id, self.zone, self.hours) == (
            other.node_id,
            other.survey_id,
            other.zone,
            other.hours,
        )


class StoredPlaces(Attributor[StoredPiece]):
    """The sites of a database, ready for look-ups; `zones` has the time zone of each experience point by its id."""

    def __init__(
        self, pieces: Mapping[str, tuple[StoredPiece, ...]], nowhere: StoredPiece, zones: Mapping[int, str]
    ) -> None:
        """Takes the pieces of each terminal that has a placement, the one of all others, and the zones."""
        super().__init__(pieces, nowhere)
        self.zones = zones


StaffStays = Mapping[str, Sequence[tuple[int, int]]]
"""By device id: [from, until) in UTC minutes."""

UNPLACED: Final = StoredPlaces({}, StoredPiece(FROM_EVER, None, None, "UTC", None), {})
"""What a database without a site knows: terminals without a place, and days of UTC."""


def stored_places(connection: Connection) -> StoredPlaces:
    """Where presses belong as of this transaction.

    It is kept with the `Store` of the connection as long as no site changes. Who adds presses up holds `share_sites`,
    so that none does before that is committed.
    """
    kept: dict[str, Any] = connection.get_execution_options()[KEPT]
    version = sites_version(connection)
    known_version: int
    places: StoredPlaces
    known_version, places = kept.get("places", (0, UNPLACED))
    if version != known_version:
        places = load_places(connection)
        kept["places"] = version, places
    return places


def staff_stays(connection: Connection) -> StaffStays:
    """When terminals asked staff, as of this transaction; kept as `stored_places` is."""
    kept: dict[str, Any] = connection.get_execution_options()[KEPT]
    version = sites_version(connection)
    known_version: int
    stays: StaffStays
    known_version, stays = kept.get("staff_stays", (0, {}))
    if version != known_version:
        stays = staff_stays_of(load_sites(connection))
        kept["staff_stays"] = version, stays
    return stays


def staff_stays_of(sites: Iterable[StoredSite]) -> StaffStays:
    """When terminals asked staff, whether or not a survey ran: what they counted then is told in blocks alone."""
    found: dict[str, list[tuple[int, int]]] = {}
    for stored in sites:
        for stay in stored.site.placements:
            if stay.asks is SurveyType.STAFF:
                until = FOR_EVER if stay.until_utc_minute is None else stay.until_utc_minute
                found.setdefault(stay.device_id, []).append((stay.from_utc_minute, until))
    return found


def without(begin: int, end: int, others: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What is left of a stretch without others, which do not overlap each other."""
    inner = sorted((max(begin, low), min(end, high)) for low, high in others if max(begin, low) < min(end, high))
    edges = [begin, *(edge for pair in inner for edge in pair), end]
    yield from ((low, high) for low, high in list(pairwise(edges))[::2] if low < high)


def load_places(connection: Connection) -> StoredPlaces:
    """The same, always read anew: for whoever is about to change a site, and may yet fail."""
    return places_of_sites(load_sites(connection))


def places_of_sites(sites: Iterable[StoredSite]) -> StoredPlaces:
    """Where presses belong by the sites of all organisations.

    A terminal without a place counts in days of UTC, or of the only organisation's zone; between its places, before
    them and after, in those of the organisation where it stood last, or will stand first.
    """
    stays: dict[str, list[_Stay]] = {}
    sites = list(sites)
    zones: dict[int, str] = {}
    for stored in sites:
        places = places_of(stored.site)
        zones |= {
            stored.nodes[one.key]: places.zone(one.key) for one in stored.site.nodes if one.kind is NodeKind.POINT
        }
        compiled = compile_site(stored.site)
        for device_id in compiled.device_ids:
            stays.setdefault(device_id, []).extend(_stays(stored, compiled.pieces(device_id)))
    zone = sites[0].site.organisation.time_zone if len(sites) == 1 else "UTC"
    return StoredPlaces(
        {device_id: _pieces(its) for device_id, its in stays.items() if its},
        StoredPiece(FROM_EVER, None, None, zone, None),
        zones,
    )


@dataclass(frozen=True, slots=True)
class _Stay:
    """What a terminal has of one organisation's time: [from, until) in UTC minutes, from in the piece."""

    piece: StoredPiece
    until_utc_minute: int
    zone: str
    """Of the organisation."""


def _stays(stored: StoredSite, pieces: Sequence[PieceOfTime]) -> Iterator[_Stay]:
    organisation = stored.site.organisation
    staff = {one.key for one in stored.site.surveys if one.type is SurveyType.STAFF}
    untils = [*(piece.from_utc_minute for piece in pieces[1:]), FOR_EVER]
    for piece, until in zip(pieces, untils, strict=True):
        if piece.point is None:
            continue
        placed = StoredPiece(
            piece.from_utc_minute, piece.point, piece.survey, piece.zone, piece.hours,
            stored.nodes[piece.point],
            NOWHERE if piece.survey is None else stored.surveys[piece.survey],
            organisation.too_few_staff if piece.survey in staff else 0,
        )  # fmt: skip
        yield _Stay(placed, until, organisation.time_zone)


def _pieces(stays: list[_Stay]) -> tuple[StoredPiece, ...]:
    """The pieces of one terminal: its stays, and what lies around them."""
    stays.sort(key=lambda stay: stay.piece.from_utc_minute)
    at, zone = FROM_EVER, stays[0].zone
    found: list[StoredPiece] = []
    for stay in stays:
        if at < stay.piece.from_utc_minute:
            found.append(StoredPiece(at, None, None, zone, None))
        found.append(stay.piece)
        at, zone = stay.until_utc_minute, stay.zone
    if at < FOR_EVER:
        found.append(StoredPiece(at, None, None, zone, None))
    return (found[0], *(after for before, after in pairwise(found) if not after.is_like(before)))
