"""What a reader of pages may see and do: a view takes its places through it, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from hymio.common.roles import Role
from hymio.site.model import Node, NodeKind, Organisation, Placement, Places, SurveyType
from hymio.site.moments import MINUTE_S
from hymio.store.sites import StoredSite
from hymio.store.users import User

_HOUR_S: Final = 3600.0


@dataclass(frozen=True)
class SiteNow:
    """The site of an organisation, with its tree made."""

    stored: StoredSite
    places: Places

    @property
    def organisation(self) -> Organisation:
        """Whose it is."""
        return self.stored.site.organisation

    @cached_property
    def stays(self) -> Mapping[str, Sequence[Placement]]:
        """Where each terminal ever stood, by its name."""
        found: dict[str, list[Placement]] = {}
        for one in self.stored.site.placements:
            found.setdefault(one.device_id, []).append(one)
        return found

    @cached_property
    def stays_at(self) -> Mapping[str, Sequence[Placement]]:
        """What ever stood at each experience point, by its key."""
        found: dict[str, list[Placement]] = {}
        for one in self.stored.site.placements:
            found.setdefault(one.point, []).append(one)
        return found

    @cached_property
    def searched(self) -> Sequence[tuple[str, str]]:
        """The key of each experience point, and what of its name and key a search looks through."""
        nodes = self.stored.site.nodes
        return [(one.key, f"{one.name.casefold()}\n{one.key}") for one in nodes if one.kind is NodeKind.POINT]

    def place_of(self, device_id: str, utc_minute: int) -> Node | None:
        """Where a terminal stands; None: nowhere here."""
        for one in self.stays.get(device_id, ()):
            if stands(one, utc_minute):
                return self.places.by_key[one.point]
        return None


def stands(placement: Placement, utc_minute: int) -> bool:
    """Whether a placement holds at that time."""
    until = placement.until_utc_minute
    return placement.from_utc_minute <= utc_minute and (until is None or utc_minute < until)


def asks_staff(sites: Sequence[SiteNow], device_id: str, now_utc: float) -> bool:
    """Whether a terminal asks staff now: each press of one would be seen to come, if all of it were told."""
    stays = (one for site in sites for one in site.stays.get(device_id, ()))
    return any(one.asks is SurveyType.STAFF and stands(one, int(now_utc // MINUTE_S)) for one in stays)


def full_hour(utc: float) -> float:
    """When a terminal was heard last, as it is told of one that asks staff."""
    return utc // _HOUR_S * _HOUR_S


@dataclass(frozen=True, slots=True)
class Access:
    """What somebody may see and do."""

    user: User | None
    """None: nobody is logged in."""
    is_owner: bool = False
    """Whether it is whoever sits at this computer, before there is any account: then everything is theirs."""

    @property
    def role(self) -> Role | None:
        """By which it is decided what they may do; None: nothing."""
        if self.is_owner:
            return Role.ADMIN
        return None if self.user is None else self.user.role

    @property
    def name(self) -> str | None:
        """As they log in, and as the audit names them; None: the audit takes the account on the computer."""
        return None if self.user is None else self.user.name

    @property
    def may_manage_accounts(self) -> bool:
        """Whether they make accounts, and say what others may see."""
        return self.role is Role.ADMIN

    @property
    def may_run_places(self) -> bool:
        """Whether they change anything at the places that they see: links of walls, schedules, what was done."""
        return self.role in (Role.ADMIN, Role.MANAGER)

    @property
    def sees_presses(self) -> bool:
        """Whether they see single presses and terminals, and not figures alone."""
        return self.role in (Role.ADMIN, Role.MANAGER)

    def tops(self, site: SiteNow) -> Sequence[str | None]:
        """The keys of the uppermost places of a site that they see, with all below each; None among them: all of it."""
        if self.role is Role.ADMIN:
            return [None]
        if self.user is None:
            return []
        own = [root.node_id for root in self.user.roots if root.organisation_id == site.stored.id]
        if None in own:
            return [None]
        # A place that this site does not know yet is none of it.
        known = site.stored.node_keys
        keys = [known[number] for number in own if number is not None and number in known]
        return [key for key in keys if not any(above.key in keys for above in site.places.up(key)[1:])]

    def sees(self, site: SiteNow, key: str | None) -> bool:
        """Whether they may see a place, and so all below it; None: the organisation."""
        tops = self.tops(site)
        if None in tops:
            return True
        return key is not None and any(node.key in tops for node in site.places.up(key))

    def nodes(self, site: SiteNow) -> Sequence[Node]:
        """All places of a site that they see, each before what lies in it."""
        return [node for top in self.tops(site) for node in site.places.below(top)]


OWNER = Access(None, is_owner=True)
NOBODY = Access(None)
