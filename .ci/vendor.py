"""`make vendor`: fetches the libraries that pages bring along, as vendor.toml beside them names them.

They are in the repository and in the wheel, so nobody who installs hymio fetches anything. Another version is its
number and its `integrity` (`npm view NAME@VERSION dist.integrity`) in vendor.toml, then this, which prints the
`sha256` of each file. It needs npm.
Exit status: 0 done, 2 wrong use, 5 the package is not the one that was named.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "host" / "hymio" / "pages" / "static" / "vendor"


def fetched(package: dict[str, Any]) -> dict[str, bytes]:
    """The files of a package that are wanted, by the name that they get here."""
    with tempfile.TemporaryDirectory() as folder:
        named = f"{package['name']}@{package['version']}"
        subprocess.run(["npm", "pack", "--silent", named], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if package["integrity"] != f"sha512-{digest}":
            print(f"{named}: expected {package['integrity']}, came sha512-{digest}.", file=sys.stderr)
            raise SystemExit(5)
        with tarfile.open(archive) as files:
            return {
                name: files.extractfile(f"package/{file['path']}").read()  # type: ignore[union-attr]
                for name, file in package["files"].items()
            }


def main() -> int:
    """Writes the files of all packages, and takes away what none of them has."""
    packages = tomllib.loads((FOLDER / "vendor.toml").read_text(encoding="utf-8"))["package"]
    try:
        wanted = {name: body for package in packages for name, body in fetched(package).items()}
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        print(f"npm could not fetch them: {error}", file=sys.stderr)
        return 2
    for path in FOLDER.iterdir():
        if path.name != "vendor.toml" and path.name not in wanted:
            path.unlink()
    for name, body in wanted.items():
        (FOLDER / name).write_bytes(body)
        print(f"{hashlib.sha256(body).hexdigest()}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
