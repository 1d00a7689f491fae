"""`make messages`: brings the catalogues up to date with the sentences in code and templates.

New sentences come without a translation, those that nobody says any more go, and nothing is guessed. It tells what is
to be translated. Exit status: 0 everything is translated, 1 something is not.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from hymio.locale.language import LOCALES, SOURCE, catalogue_file

ROOT = Path(__file__).resolve().parents[1]
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
KEYWORDS = {"_": None, "_s": None, "_n": (1, 2)}
"""What is around a sentence in the code: hymio.locale.sentence has them, and the templates."""
CODES = tuple(code for code in LOCALES if code != SOURCE)


def extracted() -> Catalog:
    """Every sentence that is said somewhere, and where."""
    found = Catalog()
    for path, __, message, comments, context in extract_from_dir(
        ROOT / "host" / "hymio", METHODS, keywords=KEYWORDS, comment_tags=("For translators:",), strip_comment_tags=True
    ):
        found.add(message, locations=[(path, 0)], auto_comments=comments, context=context)
    return found


def stored(code: str) -> Catalog:
    """The catalogue of a language as it is; an empty one if there is none yet."""
    try:
        with catalogue_file(code).open("rb") as file:
            return read_po(file, locale=code)
    except FileNotFoundError:
        return Catalog(locale=code)


def is_translated(message: Message) -> bool:
    """Whether all forms of it are there."""
    forms = message.string
    return all(forms) if isinstance(forms, list | tuple) else bool(forms)


def updated(code: str) -> tuple[bytes, int]:
    """The catalogue of a language as it ought to be, and how many of its sentences have no translation."""
    catalogue = stored(code)
    catalogue.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    text = io.BytesIO()
    write_po(text, catalogue, width=120, sort_by_file=True, include_lineno=False)
    # Dates and versions of tools would change files in which nothing has changed.
    ours = (b'"Content-Type:', b'"Content-Transfer-Encoding:', b'"MIME-Version:', b'"Language:', b'"Plural-Forms:')
    lines = text.getvalue().splitlines()
    end = lines.index(b"")
    head = [line for line in lines[:end] if not line.startswith(b'"') or line.startswith(ours)]
    missing = sum(not is_translated(one) for one in catalogue if one.id)
    return b"\n".join(head + lines[end:]).rstrip(b"\n") + b"\n", missing


def main() -> int:
    """Writes all catalogues."""
    left = 0
    for code in CODES:
        text, missing = updated(code)
        file = catalogue_file(code)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)
        print(f"{file.relative_to(ROOT)}: {missing or 'nothing'} to translate")
        left += missing
    return int(left > 0)


if __name__ == "__main__":
    sys.exit(main())
