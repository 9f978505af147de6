"""Where and with what it was measured."""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from pathlib import Path

from benchmarks.measuring import Measuring


def described(measuring: Measuring) -> str:
    """The machine, its kernel, versions and the date, for a page."""
    return "\n".join([*machine(), *_versions(measuring)])


def machine() -> list[str]:
    """The machine and the date, a line each."""
    date = time.strftime("%Y-%m-%d", time.gmtime())
    machine = f"{os.cpu_count()} cores of {_processor()}, {_memory()} GiB of memory"
    system = f"{platform.system()} {platform.release()}, files on {_file_system()}"
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return [
        f"- Measured {date} on {machine}, {system}.",
        f"- {versions}. Servers, and what loads them, shared these cores.",
    ]


def _versions(measuring: Measuring) -> list[str]:
    versions: dict[str, str] = {}
    for row in measuring.rows:
        if not row.ours and "version" in (notes := measuring.found[row.name].notes):
            name = "PostgreSQL" if row.is_limit and row.kind == "PostgreSQL" else row.peer.replace("_", "-")
            versions.setdefault(name, notes["version"])
    versions.pop("limit", None)
    return [f"- {', '.join(f'{name} {version}' for name, version in versions.items())}."] if versions else []


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _file_system() -> str:
    """The type of file system that the working directory is on."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "an unknown file system"
    here = Path.cwd()
    fitting = [(len(where), kind) for where, kind in mounts if here.is_relative_to(where)]
    return max(fitting)[1] if fitting else "an unknown file system"
