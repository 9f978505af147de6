"""Runs one PostgreSQL as its child, and ends it when its starter is gone, however that died.

The starter holds the other end of this process's standard input: when it ends, be it by SIGKILL, the pipe does too.
Run by path with the standard library alone, so that it starts in an instant:
``keeper.py FOLDER USER LOG PROGRAM ARGUMENTS...``. It prints the server's process id, and ends with its exit code.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path


def end_with_starter(server: subprocess.Popen[bytes], deserted: threading.Event) -> None:
    """Wait for the starter's end, and end the server at once, and its children with it."""
    while os.read(0, 1024):
        pass
    deserted.set()
    server.send_signal(signal.SIGQUIT)


def main() -> None:
    folder, user, log, *command = sys.argv[1:]
    with Path(log).open("ab") as written:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            user=user or None,
            extra_groups=[] if user else None,
        )
    print(server.pid, flush=True)
    deserted = threading.Event()
    threading.Thread(target=end_with_starter, args=(server, deserted), daemon=True).start()
    code = server.wait()
    if deserted.is_set():
        shutil.rmtree(folder, ignore_errors=True)  # nobody is left who could start it again
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
