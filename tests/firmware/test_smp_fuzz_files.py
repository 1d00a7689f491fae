"""The same frames for a terminal that has files: nothing outside of its folders is touched."""

from test_smp_fuzz import run


def test_with_files(tmp_path):
    home = tmp_path / "board"
    home.mkdir()
    (home / "main.py").write_text("never")
    run(range(1_000_000, 1_003_000), f"{home}/")
    assert (home / "main.py").read_text() == "never"
    assert [path.name for path in tmp_path.iterdir()] == ["board"]
    assert {path.name for path in home.iterdir()} <= {"main.py", "config.json", "log", "staging"}
    assert sum(path.stat().st_size for path in home.rglob("*")) < 100_000
