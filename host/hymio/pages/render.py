"""From a page's values to its HTML, in the reader's language.

In templates `_("...", name=value)` and `_n(one, many, count)` say a sentence, escaped; a value that is markup of ours
goes in as it is. `_s` is a sentence that something else says. `language` is there for numbers and days,
`asset("hymio.css")` for addresses of static files.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.datastructures import URL

from hymio.locale.language import Language, languages
from hymio.locale.sentence import Sentence
from hymio.locale.sentence import _ as sentence
from hymio.locale.sentence import _n as sentence_n
from hymio.pages import labels
from hymio.pages.assets import asset_path
from hymio.pages.faces import FACES, SCALES, face_name
from hymio.pages.reader import CHOICE
from hymio.pages.states import state_words
from hymio.pages.tree import place_address


@pass_context
def _say(context: Context, said: Sentence) -> Markup:
    language: Language = context["language"]
    return Markup(language.say(said, escape))


@pass_context
def _said(context: Context, text: str, **values: object) -> Markup:
    return _say(context, sentence(text, **values))


@pass_context
def _said_n(context: Context, one: str, many: str, count: int, **values: object) -> Markup:
    return _say(context, sentence_n(one, many, count, **values))


def _in_language(url: URL, code: str) -> str:
    """The same page in another language."""
    others = [(name, value) for name, value in parse_qsl(url.query) if name != CHOICE]
    return f"{url.path}?{urlencode([*others, (CHOICE, code)])}"


def _share(value: float, low: float, high: float) -> float:
    """Where a value lies on a scale, in per cent of it, 0 to 100."""
    return round(min(100.0, max(0.0, 100 * (value - low) / (high - low))), 3) if high > low else 0.0


def _heat(happy_index: float) -> int:
    """Which of six colours a Happy Index has: under 50, then by tens."""
    return min(6, max(1, int(happy_index // 10) - 3))


@cache
def environment() -> Environment:
    """What templates are made in."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["say"] = _say
    made.globals |= {
        "_": _said,
        "_s": sentence,
        "_n": _said_n,
        "asset": asset_path,
        "bucket_label": labels.bucket_label,
        "day_said": labels.day_said,
        "faces": FACES,
        "face_name": face_name,
        "filtered_label": labels.filtered_label,
        "heat": _heat,
        "hour_label": labels.hour_label,
        "in_language": _in_language,
        "languages": languages,
        "period_label": labels.period_label,
        "place_address": place_address,
        "scales": SCALES,
        "share": _share,
        "state_words": state_words,
        "text_in": labels.text_in,
        "week_hour_label": labels.week_hour_label,
    }
    return made


def rendered(template: str, language: Language, values: Mapping[str, Any]) -> str:
    """The text of a template."""
    return environment().get_template(template).render(values, language=language)
