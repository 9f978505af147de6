"""Whoever interrupts a command that waits for standard input is heard at once."""

from __future__ import annotations

import fcntl
import signal
import struct
import subprocess
import termios
import time

import pytest

from tests.cli.conftest import Folder

COMMANDS = {
    "an answer to its question": ["db", "prune", "--older-than", "0s"],
    "a run's file": ["db", "import", "-"],
    "an input": ["run", "checked", "--input", "-"],
}


def unread(process: subprocess.Popen[bytes]) -> int:
    """How many bytes of what it was given it has not read yet."""
    assert process.stdin is not None
    (count,) = struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)))
    return int(count)


@pytest.mark.parametrize("what", COMMANDS)
def test_a_command_that_waits_for_standard_input_ends_at_the_first_interrupt(folder: Folder, what: str) -> None:
    folder.waystation("run", "checked", "--run-id", "ended", "--input", '{"document_id": "DOC-1"}')
    with folder.begun(*COMMANDS[what]) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        try:
            process.stdin.write(b"y")  # no line yet, and no file, and no JSON
            process.stdin.flush()
            waits_until = time.monotonic() + 30
            while unread(process):
                assert time.monotonic() < waits_until
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            assert process.wait(15) == 130
            assert b"interrupted; what was " in process.stderr.read()
        finally:
            process.kill()
    assert [run["run_id"] for run in folder.waystation("runs", "--json").json["runs"]] == ["ended"]
