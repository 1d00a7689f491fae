"""The directory of a private CA: where its files are, and how they are written without ever standing half-written."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.private_files import PRIVATE_MODE
from hymio.pki.certificates import Authority, read_authority
from hymio.pki.register import REGISTER

SECRET_MODE: Final = PRIVATE_MODE
PUBLIC_MODE: Final = 0o644


@dataclass(frozen=True, slots=True)
class PkiDirectory:
    """Where each file of a CA is."""

    path: Path

    @property
    def ca_key(self) -> Path:
        """The key of the CA: the one file that nobody else may ever see."""
        return self.path / "ca.key"

    @property
    def ca_pem(self) -> Path:
        """The certificate of the CA."""
        return self.path / "ca.pem"

    @property
    def crl(self) -> Path:
        """The newest revocation list."""
        return self.path / "crl.pem"

    @property
    def register(self) -> Path:
        """The register of everything that was ever issued."""
        return self.path / REGISTER

    def issued(self, name: str) -> Path:
        """The directory of what belongs to `name`; a colon (of IPv6) can't stand in a file's name on Windows."""
        return self.path / "issued" / name.replace(":", "_")

    def authority(self) -> Authority:
        """Reads certificate and key of the CA.

        Raises:
            Failure: 2, there is no CA, or its files don't belong together.
        """
        try:
            return read_authority(self.ca_pem.read_bytes(), self.ca_key.read_bytes())
        except FileNotFoundError:
            raise Failure(
                WRONG_USE, f"There is no CA in {self.path}.", f"Make one: hymio pki init --dir {self.path}"
            ) from None
        except ValueError as error:
            raise Failure(
                WRONG_USE, f"{self.ca_pem} and {self.ca_key.name}: {error}.", "Restore both from the same backup."
            ) from None


def write_file(path: Path, content: bytes, mode: int = PUBLIC_MODE) -> None:
    """Writes a file that is there whole or not at all; nobody else can read a secret one at any moment."""
    staged = path.with_name(f".{path.name}.new")
    staged.unlink(missing_ok=True)
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _keep_owner(path, staged)
    staged.replace(path)


def _keep_owner(path: Path, staged: Path) -> None:
    """Gives what replaces a file to the same user: root may write for a broker that runs as `mosquitto`."""
    if sys.platform != "win32" and path.exists():
        before = path.stat()
        if before.st_uid != os.geteuid():
            os.chown(staged, before.st_uid, before.st_gid)


@contextmanager
def staged_directory(path: Path, files: Mapping[str, tuple[bytes, int]]) -> Iterator[None]:
    """Writes the files beside `path`; they become `path` if the block succeeds, otherwise they are removed."""
    staged = path.with_name(f".{path.name}.new")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True, mode=0o700)
    try:
        for name, (content, mode) in files.items():
            write_file(staged / name, content, mode)
        yield
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    shutil.rmtree(path, ignore_errors=True)
    staged.rename(path)


@contextmanager
def files_work(path: Path) -> Iterator[None]:
    """Turns what the file system refuses within into a Failure (2) that names the directory."""
    try:
        yield
    except OSError as error:
        raise Failure(
            WRONG_USE,
            f"{error.filename or path} can't be used: {error.strerror or error}.",
            "Check that the directory is there and may be written to.",
        ) from None
