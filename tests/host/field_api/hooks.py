"""Where the document can't mean what it says, schemathesis is told so here, each time with the reason."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import schemathesis
from hypothesis import strategies as st

TODAY = date(2026, 3, 31)
"""That of the server under test."""


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, schema: dict[str, Any]) -> None:
    """Mends slips of the pen, in memory."""
    # A path begins with a slash (OpenAPI 3.1, 4.8.8); schemathesis breaks off without one.
    schema["paths"]["/token/introspect"] = schema["paths"].pop("token/introspect")
    parameters = schema["components"]["parameters"]
    # The example names four periods in a row, which its own pattern refuses.
    del parameters["periodParam"]["example"]
    # By itself, the one in the document is more than a year ago by now: see below.
    parameters["startDateParam"]["example"] = str(TODAY)
    parameters["endDateParam"]["example"] = str(TODAY + timedelta(1))


# "max interval is 1 year" stands in prose only, so dates are drawn of one year.
schemathesis.openapi.format("date", st.dates(TODAY - timedelta(180), TODAY + timedelta(180)).map(str))


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Leaves out requests that are right by the schema and wrong by the prose; test_serve_v2.py has them."""
    query = case.query or {}
    # What ends before it begins is no interval.
    dates = [query.get(name) for name in ("startDate", "endDate")]
    if all(isinstance(one, str) for one in dates) and dates[0] > dates[1]:
        return False
    # Neither a quote nor the end of a line can separate the columns of a CSV.
    return query.get("csvSeparator") not in ('"', "\r", "\n", "\0")
