"""One chaos from beginning to end: what ``python -m tests.crash.chaos`` does."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.crash.chaos.book import Book, lines_of
from tests.crash.chaos.caller import call
from tests.crash.chaos.errands import errands
from tests.crash.chaos.faults import PLACES, WORKERS, Chaos, plan
from tests.crash.chaos.fleet import Fleet
from tests.crash.chaos.proxy import listen, stand_between
from tests.crash.chaos.scene import Kind, Scene
from tests.crash.chaos.verdict import Standing, Verdict, judge
from tests.crash.chaos.worker import work
from tests.postgres_server import PostgresServer
from waystation.store.records import RunFilter

PROXY = "proxy"
TO_THE_END = 240.0
"""So long, in seconds, all runs may take to end once nothing goes wrong any more."""

TO_CLOSE = 10.0
"""So long, in seconds, a process may take to end when it is told to."""


@dataclass(frozen=True)
class Settings:
    kind: Kind
    seed: int
    runs: int
    seconds: float
    keep: bool = False


@dataclass(frozen=True)
class Report:
    """What a chaos came to."""

    settings: Settings
    done: Counter[str]
    ending: float
    entries_a_second: float
    verdict: Verdict

    def __str__(self) -> str:
        settings = self.settings
        told = [
            f"chaos on {settings.kind}: {settings.runs} runs, {settings.seconds:g} s, seed {settings.seed}",
            "done:",
        ]
        told += [f"  {count:6} {what}" for what, count in sorted(self.done.items())]
        told += ["seen:"]
        told += [f"  {count:6} {what}" for what, count in sorted(self.verdict.counts.items())]
        told += [f"all have ended {self.ending:.1f} s after the last fault; {self.entries_a_second:.0f} entries/s"]
        told += [f"LATE: {each}" for each in self.verdict.late]
        told += [f"WRONG: {each}" for each in self.verdict.wrong[:50]]
        told += [f"verdict: {len(self.verdict.wrong)} wrong" if self.verdict.wrong else "verdict: nothing is wrong"]
        return "\n".join(told)


def run_chaos(settings: Settings) -> Report:
    """Begin it, let it rage, let all runs end, and judge."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="waystation-chaos-"))
        server = stack.enter_context(PostgresServer()) if settings.kind == "postgres" else None
        sockets = listen(len(PLACES)) if server is not None else []
        ports = {place: int(each.getsockname()[1]) for place, each in zip(PLACES, sockets, strict=False)}
        scene = Scene(folder, settings.kind, server, ports)
        scene.prepare()
        fleet = Fleet(folder)
        stack.callback(fleet.kill_all)
        report = _direct(settings, scene, fleet, sockets)
        if report.verdict.wrong or settings.keep:
            print(f"the book and the logs are kept in {folder}")
        else:
            shutil.rmtree(folder)
        return report


def _direct(settings: Settings, scene: Scene, fleet: Fleet, sockets: Sequence[socket.socket]) -> Report:
    readable, writable = os.pipe()
    if scene.server is not None:
        target = ("127.0.0.1", scene.server.port)
        fleet.start(PROXY, lambda _: stand_between(sockets, target, readable, settings.seed))
    began = time.time()
    todo = errands(settings.seed, settings.runs, settings.seconds)

    def start(place: str) -> object:
        return fleet.start(place, partial(_role, place, scene))

    def _role(place: str, scene: Scene, name: str) -> Coroutine[object, object, None]:
        url = scene.url_of(place)
        if place in WORKERS:
            return work(url, scene.kind, scene.book, name)
        return call(url, scene.kind, scene.book, name, todo, began)

    chaos = Chaos(scene, fleet, start, writable, Book(scene.book, "director"))
    chaos.fill()
    faults = plan(settings.seed, settings.seconds, with_server=scene.server is not None)
    chaos.rage(faults, began, settings.seconds)
    ending = _let_all_end(settings, scene, chaos)
    took = time.time() - began
    fleet.end(PLACES, TO_CLOSE)
    fleet.end([PROXY], TO_CLOSE)
    for descriptor in (readable, writable):
        os.close(descriptor)
    verdict = _judge(settings, scene, fleet)
    return Report(settings, chaos.done, ending, verdict.counts["journal entry"] / took, verdict)


def _let_all_end(settings: Settings, scene: Scene, chaos: Chaos) -> float:
    """Wait until every run has ended, with all processes there; gives how long it took, in seconds."""
    began = time.monotonic()
    while (took := time.monotonic() - began) < TO_THE_END:
        chaos.fill()
        if scene.unfinished() == (settings.runs, 0):
            break
        time.sleep(0.1)
    return took


def _judge(settings: Settings, scene: Scene, fleet: Fleet) -> Verdict:
    verdict = judge(lines_of(scene.book), asyncio.run(_standings(scene)), scene.payments())
    there = sum(count for what, count in verdict.counts.items() if what.startswith("run ended"))
    verdict.hold(there == settings.runs, f"{there} of {settings.runs} runs are in the store")
    badly = {name: code for name, code in fleet.ends.items() if code}
    verdict.hold(not badly, f"processes ended by themselves, or did not end when told to: {badly}")
    said = fleet.said()
    for bad in ("met a fault", "Traceback", "never retrieved", "was never awaited"):
        verdict.hold(bad not in said, f"a log has {bad!r}:\n{_around(said, bad)}")
    return verdict


def _around(text: str, found: str) -> str:
    at = text.find(found)
    return text[max(at - 300, 0) : at + 3000]


async def _standings(scene: Scene) -> Sequence[Standing]:
    store = scene.store()
    await store.open()
    try:
        found = (await store.list_runs(RunFilter(), limit=1_000_000)).runs
        return [Standing(run.run_id, run.status, await store.read(run.run_id)) for run in found]
    finally:
        await store.close()
