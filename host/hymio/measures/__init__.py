"""From counts to figures: pure functions, which know no database, no clock and no page.

Values go in (counts of votes by cell), values come out. `None` is the answer where there is no figure: no votes, too
few of them, too little history. ValueError, as a sentence for people, is the answer to counts or settings that can't
be.

The statistics are closed forms on the standard library. statsmodels and scipy have them too and check them in the
tests, but importing statsmodels takes some 2 s and 300 MB on disk, and a command's start may cost 1.5 times the
import of SQLAlchemy and Typer.
"""
