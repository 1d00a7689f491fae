#!/usr/bin/env bash
# fpdf2 2.8.9 with uharfbuzz 0.57.0: with text shaping on, the font's file is opened a second time, when the first
# text is set, not when the font is added.
#
# Behaviour: add_font() reads a .ttf to its end and the same text is set without shaping even if the file has gone since.
#   After set_text_shaping(True) the first cell() maps the file by its path again and raises if it is not there any more.
# Why it matters: a font inside a package is handed out by importlib.resources.as_file, which for a zipped or frozen
#   package is a temporary copy that ends with its block; so is one that was fetched into a temporary directory. With
#   Latin text and no shaping everything works, and a change far away (a language that needs shaping) breaks it. The file
#   has to stay until the document has been written.
# Seen: the lines behind SEEN below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'fpdf2==2.8.9' 'uharfbuzz==0.57.0' 'matplotlib==3.10.7'
cat >"$work/font.py" <<'PY'
import os
import pathlib
import shutil
import sys

from fpdf import FPDF
from matplotlib import get_data_path

copy = pathlib.Path(sys.argv[1], "font.ttf")
for shaping in (False, True):
    shutil.copy(pathlib.Path(get_data_path(), "fonts/ttf/DejaVuSans.ttf"), copy)
    pdf = FPDF()
    pdf.add_page()
    pdf.add_font("face", fname=copy)
    pdf.set_font("face", size=12)
    pdf.set_text_shaping(shaping)
    os.remove(copy)
    try:
        pdf.cell(text="How was our service?")
        pdf.output()
        said = "a document"
    except Exception as error:
        said = f"{type(error).__module__}.{type(error).__name__}"
    print(f"shaping {shaping}, font file gone after add_font: {said}")
PY
timeout 120 "$work/venv/bin/python" -W ignore "$work/font.py" "$work" >"$work/seen"
cat "$work/seen"
diff - "$work/seen" <<'SEEN'
shaping False, font file gone after add_font: a document
shaping True, font file gone after add_font: uharfbuzz._harfbuzz.HarfBuzzError
SEEN
