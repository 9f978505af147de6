"""What goes wrong in a chaos, and when: decided by the seed, done by the director."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.crash.chaos.book import Book, Stopped, WentOn
from tests.crash.chaos.fleet import Fleet
from tests.crash.chaos.proxy import CUTS, Cut
from tests.crash.chaos.scene import Scene
from tests.crash.chaos.worker import LEASE

WORKERS = ("w1", "w2", "w3", "w4")
CALLERS = ("c1", "c2")
PLACES = (*WORKERS, *CALLERS)

# How often, in seconds from one to the next on average.
_EVERY = {"kill": 2.5, "stop": 3.5, "end": 9.0, "kill-caller": 6.0}
_EVERY_OF_A_SERVER = {"cut": 0.8, "terminate": 6.0, "server-kill": 15.0, "server-abort": 15.0}


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that goes wrong, ``at`` seconds after the beginning, at a place, for so many seconds."""

    at: float
    what: str
    place: str = ""
    seconds: float = 0.0
    cut: Cut = "reset"


def plan(seed: int, seconds: float, *, with_server: bool) -> Sequence[Fault]:
    """All that goes wrong: each kind comes at times of its own, the first of each in the first half."""
    dice = random.Random(f"faults {seed}")
    every = {**_EVERY, **(_EVERY_OF_A_SERVER if with_server else {})}
    found: list[Fault] = []
    for what, apart in every.items():
        at = 1.0 + dice.uniform(0, min(apart, seconds / 3))
        while at < seconds:
            place = dice.choice(CALLERS if what == "kill-caller" else PLACES if what in ("cut", "stop") else WORKERS)
            long = dice.uniform(2.0, 4.0) * LEASE.total_seconds() if what == "stop" else dice.uniform(0.2, 1.5)
            found.append(Fault(at, what, place, long, dice.choice(CUTS)))
            at += dice.uniform(0.3, 1.7) * apart
    return sorted(found)


@dataclass
class Chaos:
    """Does what the plan says, to the processes of a fleet.

    Attributes:
        start: starts a process at a place.
        orders: the pipe to the proxy.
        book: in which the director writes who was stopped.
        done: how often each thing was done.
    """

    scene: Scene
    fleet: Fleet
    start: Callable[[str], object]
    orders: int
    book: Book
    done: Counter[str] = field(default_factory=Counter[str])
    _later: list[tuple[float, str, str]] = field(default_factory=list[tuple[float, str, str]])

    def rage(self, faults: Sequence[Fault], began: float, seconds: float) -> None:
        """Do all of it, and fill every place that is empty, until the time is over; then make everything good."""
        waiting = list(faults)
        while (now := time.time() - began) < seconds:
            while waiting and waiting[0].at <= now:
                self._do(waiting.pop(0))
            self._mend(now)
            time.sleep(0.01)
        self._mend(float("inf"))

    def fill(self) -> None:
        """Start processes at the places where those before have ended."""
        self.fleet.ended()
        for place in PLACES:
            if place not in self.fleet.living:
                self.start(place)

    def _mend(self, now: float) -> None:
        due = [each for each in self._later if each[0] <= now]
        self._later = [each for each in self._later if each[0] > now]
        for _, what, name in due:
            if what == "server":
                assert self.scene.server is not None
                self.scene.server.start()
            else:
                self._go_on(what, name)
        self.fill()

    def _go_on(self, place: str, name: str) -> None:
        child = self.fleet.living.get(place)
        if child is not None and child.name == name:
            self.book.write(WentOn(who=self.book.who, run="", name=name))
            self.fleet.go_on(place)

    def _do(self, fault: Fault) -> None:
        until = fault.at + fault.seconds
        match fault.what:
            case "kill" | "kill-caller":
                self._kill(fault.place)
            case "end":
                if self._may_run(fault.place):
                    self.fleet.signal(fault.place, signal.SIGTERM)
                    self.done["worker ended by SIGTERM"] += 1
            case "stop":
                stopped = sum(child.is_stopped for child in self.fleet.living.values())
                if self._may_run(fault.place) and stopped < 2:
                    name = self.fleet.stop(fault.place).name
                    self.book.write(Stopped(who=self.book.who, run="", name=name))
                    self._later.append((until, fault.place, name))
                    self.done["process stopped past its lease"] += 1
            case "cut":
                self._cut(fault)
            case "terminate":
                if self._server_runs():
                    self.done["connection terminated by the server"] += self.scene.terminate_backends(0.4)
            case _:
                self._bring_down(fault.what, until)

    def _may_run(self, place: str) -> bool:
        child = self.fleet.living.get(place)
        return child is not None and not child.is_stopped

    def _kill(self, place: str) -> None:
        if place in self.fleet.living:
            self.fleet.kill(place)
            self.done["worker killed" if place in WORKERS else "caller killed"] += 1

    def _cut(self, fault: Fault) -> None:
        order = [PLACES.index(fault.place), fault.cut, fault.seconds]
        os.write(self.orders, json.dumps(order).encode() + b"\n")
        self.done[f"connections of a process: {fault.cut}"] += 1

    def _server_runs(self) -> bool:
        return self.scene.server is not None and self.scene.server.running

    def _bring_down(self, what: str, until: float) -> None:
        server = self.scene.server
        if server is None or not server.running:
            return
        if what == "server-kill":
            server.kill()
        else:
            server.end_process(signal.SIGQUIT)  # an immediate shutdown: it too recovers from its log
        self._later.append((until, "server", ""))
        self.done["server killed" if what == "server-kill" else "server shut down at once"] += 1
