"""What a personal link opens: the form of its survey, for one answer; and where one says that one wants no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from starlette.requests import Request
from starlette.routing import Route

from hymio.locale.sentence import _
from hymio.pages.visitor import Ended, Visitors, answered_at, sent_fields
from hymio.pages.visitor_form import AskedForm, FormFault, Sent, asked_form, read_form
from hymio.site.moments import MINUTE_S
from hymio.store.invitations import Invitation, invitation_of, is_unsubscribed, take_answer, unsubscribe
from hymio.store.visitor_answers import VisitorForm, take_form

PATH: Final = "/i"
"""What follows the server's address in a link, before the secret."""
STOP: Final = "/stop"
"""What follows the secret where one unsubscribes (RFC 8058)."""


class InvitedVisitors(Visitors):
    """The forms of all invitations. To look at one changes nothing: programs that search mail open every link."""

    def routes(self) -> Iterator[Route]:
        """By the secret of the link."""
        for path in (f"{PATH}/{{secret}}{STOP}", f"{PATH}/{{secret}}"):
            for end in (".json", ""):
                yield Route(path + end, self._answer, methods=["GET", "POST"])

    def _page(self, request: Request, body: bytes, wished: Sequence[str]) -> tuple[str, dict[str, Any], int]:
        now_utc = self._now_utc()
        is_stop = request.url.path.removesuffix(".json").endswith(STOP)
        with self._store.reading() as connection:
            invitation = invitation_of(connection, request.path_params["secret"])
            if invitation is None:
                raise Ended(
                    404, _("This link is not known here"), _("Open it from your message: a letter may be missing.")
                )
            site = next(one for one in self._sites.of(connection) if one.stored.id == invitation.organisation_id)
            if is_stop:
                wants_no_more = is_unsubscribed(connection, invitation)
            else:
                node = site.places.by_key[site.stored.node_keys[invitation.node_id]]
                asked = asked_form(connection, site, node, {int(now_utc // MINUTE_S)})
        if is_stop:
            return self._stop(request, invitation, site.organisation.name, wants_no_more)
        if invitation.answered_utc is not None:
            raise _answered_before()
        if invitation.expires_utc <= now_utc:
            raise Ended(
                410, _("This link is too old"), _("Thank you for coming. Your answer is not waited for any more.")
            )
        asked = replace(asked, questions=[one for one in asked.questions if one.survey_id == invitation.survey_id])
        if not asked.questions:
            raise Ended(410, _("Nothing is asked here any more"), _("Thank you for coming."))
        if request.method != "POST":
            return "visitor_form.html", self._form(asked, wished) | {"is_invited": True}, 200
        sent = sent_fields(request, body)
        try:
            return "visitor_said.html", self._kept(request, asked, sent, invitation, wished), 200
        except FormFault as fault:
            return "visitor_form.html", self._form(asked, wished, sent) | {"is_invited": True, "fault": fault.said}, 400

    def _kept(
        self, request: Request, asked: AskedForm, sent: Sent, invitation: Invitation, wished: Sequence[str]
    ) -> dict[str, Any]:
        form, given, now_utc = read_form(asked, sent), self._given(sent), self._now_utc()
        self._is_crowded(request, invitation.node_id)
        person = invitation.known_person
        whole = VisitorForm(
            UUID(invitation.uid),
            invitation.node_id,
            form.answers,
            answered_at(now_utc, given.made_utc, next(iter(sent.get("age", ())), "")),
            now_utc,
            invitation.via,
            next(iter(wished), invitation.locale),
            form.text,
            form.contact,
            None if person is None else invitation.external,
            person,
        )
        with self._store.writing() as connection:
            if form.is_trapped:
                # It was no person who filled in what nobody sees: the link is still good.
                is_new = take_form(connection, replace(whole, id=given.id, external=None, person=None, reason="trap"))
            else:
                is_new = take_answer(connection, invitation, now_utc) and take_form(connection, whole)
        if not is_new:
            raise _answered_before()
        return {"said": _("Thank you!"), "hint": _("Your answer has arrived."), "is_new": True, "is_thanks": True}

    def _stop(
        self, request: Request, invitation: Invitation, organisation: str, wants_no_more: bool
    ) -> tuple[str, dict[str, Any], int]:
        if invitation.known_person is None:
            # Nobody can be kept from being asked who is not known: to say that it was done would not be true.
            raise Ended(
                410,
                _("This link is too old"),
                _("Nobody knows here any more to whom it was sent. If you are asked again, say so in that message."),
            )
        if request.method == "POST":
            with self._store.writing() as connection:
                unsubscribe(connection, invitation, self._now_utc())
        elif not wants_no_more:
            return "visitor_stop.html", {"organisation": organisation}, 200
        raise Ended(
            200,
            _("You are not asked any more"),
            _("%(organisation)s writes to this address no more to ask you anything.", organisation=organisation),
        )


def _answered_before() -> Ended:
    return Ended(
        200,
        _("Thank you!"),
        _("Your answer had arrived already. It counts once."),
        {"is_new": False, "is_thanks": True},
    )
