"""The catalogues: every sentence that is said anywhere is there in every language, and no other; all say the same."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Message as Entry

from hymio.locale.language import LOCALES, SOURCE, catalogue_file, language_of
from hymio.locale.sentence import Sentence, _, _n

ROOT = Path(__file__).parents[2]
CODES = [code for code in LOCALES if code != SOURCE]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("messages", ROOT / ".ci" / "messages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = _load()


def said(code: str) -> Iterable[Entry]:
    return [entry for entry in TOOL.stored(code) if entry.id]


def texts(entry: Entry) -> tuple[list[str], list[str]]:
    """(English forms, translated forms)."""
    english, other = (list(one) if isinstance(one, list | tuple) else [one] for one in (entry.id, entry.string))
    return english, other


def values_in(text: str) -> Counter[str]:
    """The values that a sentence wants, and whatever else begins with a per cent sign."""
    return Counter(re.findall(r"%(?:\(\w+\)s|.|$)", text))


def test_sentences_are_found_in_code_and_templates() -> None:
    found = {entry.id if isinstance(entry.id, str) else entry.id[0] for entry in TOOL.extracted() if entry.id}
    assert {"Too few answers", "Skip to the content", "%(count)s place in it"} <= found


@pytest.mark.parametrize("code", CODES)
def test_a_catalogue_holds_what_is_said_and_nothing_else(code: str) -> None:
    text, _missing = TOOL.updated(code)
    assert catalogue_file(code).read_bytes() == text, "run `make messages`"


@pytest.mark.parametrize("code", CODES)
def test_everything_is_translated_and_nothing_guessed(code: str) -> None:
    assert [entry.id for entry in said(code) if not TOOL.is_translated(entry)] == []
    assert [entry.id for entry in said(code) if entry.fuzzy] == []


@pytest.mark.parametrize("code", [SOURCE, *CODES])
def test_a_translation_takes_the_same_values(code: str) -> None:
    entries = TOOL.extracted() if code == SOURCE else said(code)
    for entry in entries:
        if not entry.id:
            continue
        english, other = texts(entry)
        for text in english if code == SOURCE else other:
            wanted = values_in(english[-1])
            if len(english) > 1:  # "one place" may leave the number out
                wanted, found = (counter - Counter({"%(count)s": 9}) for counter in (wanted, values_in(text)))
            else:
                found = values_in(text)
            assert found == wanted, (code, text)
            assert all(re.fullmatch(r"%\(\w+\)s|%%", value) for value in values_in(text)), (code, text)


@pytest.mark.parametrize("code", CODES)
def test_a_translation_ends_as_the_sentence_does(code: str) -> None:
    for entry in said(code):
        english, other = texts(entry)
        ends = english[-1][-1] if english[-1][-1] in ".?!:" else ""
        for text in other:
            assert text == text.strip() and (text[-1] if text[-1] in ".?!:" else "") == ends, text


def test_what_is_wrong_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A catalogue that lacks a sentence, has one that nobody says and one that is not translated."""
    code = CODES[0]
    broken = tmp_path / "hymio.po"
    text = catalogue_file(code).read_text(encoding="utf-8")
    text = text.replace('msgid "Too few answers"', 'msgid "Nobody says this"').replace(
        'msgstr "juuri nyt"', 'msgstr ""'
    )
    broken.write_text(text, encoding="utf-8")
    monkeypatch.setattr(TOOL, "catalogue_file", lambda _code: broken)
    new, missing = TOOL.updated(code)
    assert new != broken.read_bytes() and missing == 2
    assert b"Nobody says this" not in new and b"Too few answers" in new


def test_a_sentence_is_said_in_each_language() -> None:
    told = {code: language_of(code).say(_("Too few answers")) for code in LOCALES}
    assert told == {"en": "Too few answers", "fi": "Liian vähän vastauksia", "sv": "För få svar"}


def test_numbers_choose_the_form_and_are_written_as_the_language_does() -> None:
    one, many = "%(count)s place in it", "%(count)s places in it"
    assert [language_of("en").say(_n(one, many, count)) for count in (0, 1, 2)] == [
        "0 places in it", "1 place in it", "2 places in it",
    ]  # fmt: skip
    assert language_of("fi").say(_n(one, many, 1)) == "Sisältää 1 paikan"
    assert language_of("fi").say(_n(one, many, 1234)) == "Sisältää 1\N{NO-BREAK SPACE}234 paikkaa"


def test_a_value_may_be_a_sentence_and_is_escaped_where_that_is_wanted() -> None:
    from markupsafe import escape

    inner = _("There is no organisation %(key)s", key="<b>")
    outer = Sentence("%(a)s & %(b)s", values={"a": inner, "b": 0.5})
    assert language_of("sv").say(outer) == "Det finns ingen organisation <b> & 0,5"
    assert language_of("sv").say(outer, escape) == "Det finns ingen organisation &lt;b&gt; &amp; 0,5"
