"""`hymio poster`: the posters of a place, or of all places in a group, from a site's file or the database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from hymio.common.errors import BROKEN_OFF, WRONG_USE, Failure
from hymio.common.output import note, print_json, print_line
from hymio.common.words import counted
from hymio.office.site import chosen_site
from hymio.pages.poster import PaperSize, Poster, poster_pdf
from hymio.site.model import Node, NodeKind, Places, Scale, Site, Survey, SurveyType, places_of
from hymio.site.present import is_over, survey_time
from hymio.site.read import read_site
from hymio.store.database import open_store
from hymio.store.sites import load_sites

_FORM: Final = "/f/"
"""What follows the server's address in the QR code, before the key of the place."""
_NEAR_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class PosterWish:
    """What was asked for on the command line."""

    organisation: str | None
    """Its key; None: the only one."""
    place: str | None
    """Key of a point or a group; None: everything."""
    survey: str | None
    locales: Sequence[str]
    """None given: all in which the question is there."""
    size: str
    url: str
    out: Path


def run_poster(db: str | None, file: Path | None, wish: PosterWish, as_json: bool) -> None:
    """Draws the posters, and writes them when all are drawn.

    Args:
        db: the database with the site, or else
        file: the site's TOML file.
        wish: what was asked for.
        as_json: whether a program reads what is printed.

    Raises:
        Failure: 2, there is no such place, survey or language, nothing is asked there, or a question does not fit; 4,
            there is no such database; 6, a file can't be written.
    """
    base, size = _base(wish.url), _size(wish.size)
    site, elsewhere = _site(db, file, wish.organisation)
    now_minute = int(time.time() // 60)
    places = places_of(site)
    asked, silent = {}, []
    for point in _points(places, wish.place, now_minute):
        survey = _survey(site, places, point.key, wish.survey, now_minute)
        if survey is None:
            silent.append(point.key)
        else:
            asked[point.key] = survey
    if not asked:
        what = (
            f"the survey {wish.survey} does not run" if wish.survey else "no survey of customers with four faces runs"
        )
        raise Failure(
            WRONG_USE,
            f"{wish.place or site.organisation.key}: {what} there, now or later.",
            "`hymio site show` lists which surveys run where.",
        )
    files = _files(wish, list(asked))
    longer = f"{site.organisation.key}/"
    posters = [
        _poster(
            site, places.by_key[key], survey, wish.locales, f"{base}{_FORM}{longer if key in elsewhere else ''}{key}"
        )
        for key, survey in asked.items()
    ]
    drawn = [(files[poster.key], poster_pdf(poster, size)) for poster in posters]
    try:
        for path, pdf in drawn:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pdf)
    except OSError as error:
        raise Failure(BROKEN_OFF, f"{error.filename}: {error.strerror}.", "Give another --out.") from error
    if as_json:
        said = [
            {
                "place": poster.key,
                "survey": asked[poster.key].key,
                "locales": [locale for locale, _text in poster.question],
                "address": poster.address,
                "file": str(files[poster.key]),
            }
            for poster in posters
        ]
        print_json({"posters": said, "without_survey": silent})
        return
    for path, _pdf in drawn:
        print_line(str(path))
    if silent:
        note(f"No survey runs at {', '.join(silent)}: no poster.")


def _site(db: str | None, file: Path | None, organisation: str | None) -> tuple[Site, frozenset[str]]:
    """The site, and the keys of other organisations' places: theirs alone does not say which is meant."""
    if (db is None) == (file is None):
        came = "none of the two" if db is None else "both"
        raise Failure(WRONG_USE, f"Expected --db or --site, came {came}.", "Give the one that has the site.")
    if file is not None:
        if organisation is not None:
            raise Failure(WRONG_USE, "A file holds one organisation.", "Leave --organisation out.")
        return read_site(file).site, frozenset()
    store = open_store(str(db))
    try:
        with store.reading() as connection:
            sites = load_sites(connection)
            chosen = chosen_site(sites, organisation)
            return chosen.site, frozenset(key for one in sites if one is not chosen for key in one.nodes)
    finally:
        store.close()


def _size(size: str) -> PaperSize:
    try:
        return PaperSize(size.upper())
    except ValueError:
        known = " or ".join(PaperSize)
        raise Failure(WRONG_USE, f"--size: expected {known}, came {size}.", f"Give {known}.") from None


def _base(url: str) -> str:
    """The address of the server, without a slash at its end."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise Failure(
            WRONG_USE,
            f"--url: expected the address by which phones reach the server, came {url!r}.",
            "For example: --url https://feedback.example.org.",
        )
    return url.rstrip("/")


def _points(places: Places, key: str | None, now_minute: int) -> Iterator[Node]:
    """The experience points of a place that have not been given up, in order of their keys."""
    if key is None:
        keys: Sequence[str] = sorted(places.by_key)
    elif key in places.by_key:
        keys = sorted(places.points_of(key))
    else:
        raise Failure(
            WRONG_USE,
            f"There is no place {key} in the site of {places.organisation.key}.",
            f"Give --place one of these: {', '.join(_near(places, key))}.",
        )
    for one in keys:
        node = places.by_key[one]
        if node.kind is NodeKind.POINT and not is_over(places.until(one), now_minute):
            yield node


def _near(places: Places, typed: str) -> list[str]:
    """The keys that somebody may have meant who typed this, a key or a name."""
    by_name = {node.name.casefold(): key for key, node in places.by_key.items()}
    keys = get_close_matches(typed.lower(), places.by_key, cutoff=0.5)
    names = [by_name[name] for name in get_close_matches(typed.casefold(), by_name)]
    return list(dict.fromkeys(names + keys)) or sorted(places.by_key)[:_NEAR_MAX]


def _survey(site: Site, places: Places, point: str, wanted: str | None, now_minute: int) -> Survey | None:
    """The survey that runs there or, if none does, the next one that will."""
    if wanted is not None:
        known = {survey.key: survey for survey in site.surveys}
        if wanted not in known:
            near = get_close_matches(wanted, known) or sorted(known)[:_NEAR_MAX]
            said = f"There is no survey {wanted} in the site of {site.organisation.key}."
            raise Failure(
                WRONG_USE, said, f"Give --survey one of these: {', '.join(near)}." if near else "It has none."
            )
        if known[wanted].scale is not Scale.FOUR:
            raise Failure(
                WRONG_USE,
                f"The survey {wanted} is not answered with four faces.",
                "A poster shows the four faces of a terminal: give --survey another one.",
            )
    found = []
    for survey in site.surveys:
        right = survey.key == wanted if wanted else survey.type is SurveyType.CUSTOMER and survey.scale is Scale.FOUR
        if right and not survey.is_withdrawn and point in places.points_at(survey):
            first, until = survey_time(survey, places.zone(point))
            if not is_over(until, now_minute):
                found.append((first, survey))
    return min(found, key=lambda one: one[0])[1] if found else None


def _files(wish: PosterWish, keys: Sequence[str]) -> dict[str, Path]:
    """Where each poster goes: --out is the one file, or a directory."""
    if wish.out.suffix.lower() != ".pdf":
        return {key: wish.out / f"{key}.pdf" for key in keys}
    if len(keys) > 1:
        raise Failure(
            WRONG_USE,
            f"--out {wish.out}: {counted(len(keys), 'poster')} do not go into one file.",
            f"Give a directory: --out {wish.out.with_suffix('')}.",
        )
    return {keys[0]: wish.out}


def _poster(site: Site, point: Node, survey: Survey, wanted: Sequence[str], address: str) -> Poster:
    texts = next(question.texts for question in site.questions if question.key == survey.question)
    own = site.organisation.locale
    locales = [_locale(texts, one, survey) for one in wanted] or sorted(texts, key=lambda one: one != own)
    return Poster(
        point.key,
        point.name,
        site.organisation.name,
        tuple((locale, texts[locale]) for locale in dict.fromkeys(locales)),
        address,
    )


def _locale(texts: Mapping[str, str], wanted: str, survey: Survey) -> str:
    """The locale of a text that is `wanted`, or of its language."""
    for one in texts:
        if wanted in (one, one.partition("_")[0]):
            return one
    raise Failure(
        WRONG_USE,
        f"--locale {wanted}: the question of the survey {survey.key} is there in {', '.join(sorted(texts))}.",
        "Give one of these, or leave --locale out for all of them.",
    )
