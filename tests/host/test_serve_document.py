"""schemathesis asks everything that the field's published document describes, and checks every answer against it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from served_world import CITY, OTHER, World, fill, listening, new_database

FIELD_API = Path(__file__).parent / "field_api"
DOCUMENT = FIELD_API / "happyornot-customer-api-v2.yml"


def run_schemathesis(url: str, token: str, directory: Path, document: Path, examples: int, hooks: bool = True) -> str:
    """All phases and all checks; the same requests every time. Gives what it said at the end."""
    result = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "run", str(document), "--url", url,
            "--checks", "all", "--continue-on-failure", "--generation-deterministic", "--seed", "1",
            "--max-examples", str(examples), "--header", f"X-HON-API-Token: {token}", "--no-color",
        ],
        cwd=directory, capture_output=True, text=True, timeout=400, check=False,
        env=os.environ | ({"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(FIELD_API)} if hooks else {}),
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
    return result.stdout


def test_every_operation_of_the_document(tmp_path: Path) -> None:
    world = World(new_database("sqlite", tmp_path, None), CITY, OTHER)
    fill(world)
    with listening(world, always_token=True) as url:
        said = run_schemathesis(f"{url}/v2", world.token(), tmp_path, DOCUMENT, 8)
    world.store.close()
    assert "Selected: 22/22" in said and "Tested: 22" in said
    assert "WARNINGS" not in said
    found = re.search(r"(\d+) generated", said)
    assert found and int(found[1]) > 500
