"""The browser of this machine. ``python -m tests.browser.chromium`` installs one, where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VARIABLE = "WAYSTATION_TEST_BROWSER"

MISSING = (
    "the tests of the studio need a browser, and none was found: install Debian's chromium "
    "(apt-get install chromium), any other Chromium or Chrome, or name one with " + VARIABLE
)


def find() -> str | None:
    """Where it is."""
    given = os.environ.get(VARIABLE)
    return given or next((found for name in NAMES if (found := shutil.which(name)) is not None), None)


def install() -> None:
    """Install Debian's, as root or by sudo.

    Raises:
        SystemExit: it cannot be.
    """
    by = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if shutil.which("apt-get") is None or (by and shutil.which("sudo") is None):
        raise SystemExit(MISSING)
    print("Installing chromium, for the tests of the studio", flush=True)
    for command in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
        done = subprocess.run(
            [*by, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{MISSING}\napt-get {' '.join(command)} failed:\n{done.stdout}")


if __name__ == "__main__":
    if find() is None:
        install()
    if (there := find()) is None or not Path(there).exists():
        sys.exit(MISSING)
