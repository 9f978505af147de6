"""The processes of a chaos: forked by the director, who is one thread without an event loop, and ended by it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One process, by a name that is never used twice."""

    name: str
    pid: int
    is_stopped: bool = False
    is_told_to_end: bool = False


@dataclass
class Fleet:
    """Those who live, by their place: a place outlives the processes that fill it one after another."""

    folder: Path
    living: dict[str, Child] = field(default_factory=dict[str, Child])
    ends: dict[str, int] = field(default_factory=dict[str, int])
    _generations: dict[str, int] = field(default_factory=dict[str, int])

    def start(self, place: str, work: Callable[[str], Coroutine[object, object, None]]) -> Child:
        """Fork a process for the place, that does ``work``, which is given its name."""
        assert place not in self.living, f"{place} is taken"
        generation = self._generations[place] = self._generations.get(place, 0) + 1
        name = f"{place}.{generation}"
        director = os.getpid()
        # SIGTERM waits until the process listens for it (``told_to_end``): it may be told to end as it begins.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        try:
            pid = os.fork()
            if pid == 0:
                _be_child(director, self.folder / f"{name}.log", lambda: work(name))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        child = self.living[place] = Child(name, pid)
        return child

    def signal(self, place: str, number: signal.Signals) -> None:
        """Send a signal; SIGTERM only once: at its very end a process listens no more, and would be killed by it."""
        child = self.living[place]
        if number == signal.SIGTERM:
            if child.is_told_to_end:
                return
            child.is_told_to_end = True
        os.kill(child.pid, number)

    def kill(self, place: str) -> Child:
        """SIGKILL, also of one that is stopped; and wait, so that no zombie looks alive to the others."""
        child = self.living.pop(place)
        os.kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        return child

    def stop(self, place: str) -> Child:
        """SIGSTOP; when this returns it has stopped."""
        child = self.living[place]
        os.kill(child.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)  # it may be ending just now
        child.is_stopped = True
        return child

    def go_on(self, place: str) -> None:
        self.signal(place, signal.SIGCONT)
        self.living[place].is_stopped = False

    def ended(self) -> list[str]:
        """The places of those who have ended by themselves; their exit codes are kept in ``ends`` by name."""
        found: list[str] = []
        for place, child in list(self.living.items()):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                self.ends[child.name] = os.waitstatus_to_exitcode(status)
                del self.living[place]
                found.append(place)
        return found

    def end(self, places: Sequence[str], patience: float) -> None:
        """SIGTERM to these; those who have not ended in time are killed, and their end is told as such."""
        self.ended()
        waited_for = [place for place in places if place in self.living]
        for place in waited_for:
            self.signal(place, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while self.living.keys() & waited_for and time.monotonic() < deadline:
            self.ended()
            time.sleep(0.02)
        for place in self.living.keys() & waited_for:
            self.ends[self.kill(place).name] = -signal.SIGKILL

    def kill_all(self) -> None:
        """Leave nobody behind."""
        for place in list(self.living):
            self.kill(place)

    def said(self) -> str:
        """All that they wrote to their logs."""
        return "\n".join(log.read_text(encoding="utf-8", errors="replace") for log in sorted(self.folder.glob("*.log")))


def _be_child(director: int, log: Path, work: Callable[[], Coroutine[object, object, None]]) -> None:
    """Do the work, and end; nothing of the director's goes on here."""
    code = 1
    try:
        # It ends with the director, however that does, also while it is stopped.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == director:
            file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(file, 1)
            os.dup2(file, 2)
            asyncio.run(work())
            code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
