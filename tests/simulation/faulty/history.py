"""One run of a random workflow among several processes, people, and whatever goes wrong between them and the store.

First the dice decide what happens: processes begin, are killed, paused past their lease, cut off from the store, while
people start, answer, cancel, send events and wait, each from any process. Then it is calm: whatever has happened, the
run must come to its end, and everything that anyone was told must be so.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import random
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any

from tests.simulation.dice import Seeded
from tests.simulation.engine_histories import Faults
from tests.simulation.faulty.claims import Claims
from tests.simulation.faulty.people import People
from tests.simulation.faulty.process import Process
from tests.simulation.faulty.truth import Truth
from tests.simulation.faulty.virtual_loop import Household, LoopClock, VirtualLoop, virtual_loop
from tests.simulation.faulty.weather import Weather
from tests.simulation.faulty.witness import Witness
from tests.simulation.promises import as_recorded
from tests.simulation.random_graphs import Parts, random_workflow
from waystation import Workflow
from waystation.core.state import decode_state
from waystation.define.nodes import Graph
from waystation.store.memory import MemoryStore

_MOST_PROCESSES = 4
_PAUSES = (0.0, 0.001, 0.02, 0.3, 1.0, 4.0)
_LONGEST_CALM = 600
"""How long the run may take to its end when nothing goes wrong any more, in seconds."""


class History:
    """One history, of one seed.

    Attributes:
        weather: what went wrong.
        claims: what people were told.
        witness: what the steps did.
        truth: what is in the store.
    """

    def __init__(self, seed: int, loop: VirtualLoop, say: Callable[[str], None] | None = None) -> None:
        self.dice = Seeded(f"faulty {seed}")
        random.seed(seed)  # of the library's own chance: the jitter of retries
        self.weather = Weather(self.dice)
        workflow_dice = Seeded(f"faulty graph {seed}")
        self._clock = LoopClock(loop)
        store = MemoryStore()
        self.witness, parts = _stage()
        self.witness.renew(self.dice, store)
        self.workflow: Workflow[object, object] = random_workflow(workflow_dice, parts, nodes=14, deepest=3)
        self.truth = Truth(self.workflow.graph, store)
        self.witness.watch(self.truth)
        self.truth.wrote = self._wrote
        self.claims = Claims(self.truth)
        self.people = People(self.dice, self.truth, self.claims, self.workflow)
        self._processes: list[Process] = []
        self._begun = self._told = 0
        self._outside = Household()
        self._say = say

    # ------------------------------------------------------------------ the course of things

    async def live(self) -> None:
        """All of it."""
        await self.truth.store.open()
        try:
            await self._begin_process()
            self._any().do(self.people.start(self._any()))
            for _ in range(self.dice.number(3, 24)):
                await self._happen()
                await asyncio.sleep(self.dice.pick(_PAUSES))
                self._check()
            await self._calm()
        finally:
            for process in self._processes:
                await process.end()
            await self._outside.end()
        self._check()

    async def _happen(self) -> None:
        process = self._any()
        match self.dice.pick(_EVENTS):
            case "process":
                if len(self._processes) < _MOST_PROCESSES:
                    await self._begin_process()
            case "kill":
                await process.end()
                self._note("killed")
            case "close":
                process.do(process.close())
                self._note("closed")
            case "pause":
                process.pause()
                self._note("paused")
                self._soon(self._let_go_on(process))
            case "away":
                process.store.is_away = True
                self._note("cut off")
                self._soon(self._let_go_on(process))
            case "long":
                await asyncio.sleep(self.dice.number(1, 20))
            case "cancel" if self.dice.chance(70):
                pass
            case what:
                process.do(self.people.do(what, process))
        await self._bury()

    async def _bury(self) -> None:
        """Those that have ended are gone with all that they were at; someone is always there."""
        for process in list(self._processes):
            if not process.is_alive:
                self._processes.remove(process)
                await process.end()
        if all(process.is_closing for process in self._processes):
            await self._begin_process()

    async def _begin_process(self) -> None:
        self._begun += 1
        process = Process(f"p{self._begun}", self.workflow, self.truth, self.weather, self._clock, elsewhere=self._soon)
        self._processes.append(process)
        process.do(process.app.open())
        await asyncio.sleep(0)

    async def _let_go_on(self, process: Process) -> None:
        await asyncio.sleep(self.dice.pick((0.05, 1.0, 6.0, 17.0, 30.0)))
        process.go_on()

    def _any(self) -> Process:
        return self.dice.pick(self._processes)

    def _soon(self, work: Awaitable[None]) -> None:
        async def doing() -> None:
            await work

        self._outside.begin(doing())

    def _wrote(self, by: str) -> None:
        if self._say is not None:
            record = self.truth.record
            self._say(f"{self._clock.now() % 1_000_000}: {by}: {record}")
            for data in self.truth.journal[self._told :]:
                self._say(f"    {data.decode()}")
            self._told = len(self.truth.journal)
        for process in self._processes:
            if process.store.writer != by:
                process.store.tell()

    def _note(self, what: str) -> None:
        self.weather.happened[f"process, {what}"] += 1

    # ------------------------------------------------------------------ calm

    async def _calm(self) -> None:
        self.weather.calm = True
        self.witness.calm = True
        self.people.patient = True
        for process in self._processes:
            process.go_on()
        await self._bury()
        try:
            async with asyncio.timeout(_LONGEST_CALM):
                await self._to_the_end()
        except TimeoutError:
            raise AssertionError(f"the run does not end: {self.truth.record}, {self._last_entries()}") from None

    async def _to_the_end(self) -> None:
        while self.truth.standing in ("pending", "running"):
            self._check()
            await self._bury()
            process = self.dice.pick([each for each in self._processes if not each.is_closing])
            await process.do(self.people.help_on(process))
            await asyncio.sleep(0.5)
        for process in self._processes:
            if not process.is_closing:
                await process.do(self.people.hear_the_end(process))

    def _last_entries(self) -> list[bytes]:
        return self.truth.journal[-4:]

    # ------------------------------------------------------------------ judging

    def _check(self) -> None:
        for broken in (self.truth.broken, self.witness.broken, self.claims.broken, self.people.broken):
            assert not broken, "; ".join(broken)

    async def judge(self) -> None:
        """In the end: what is left in the store."""
        self.claims.hold()
        self._check()
        stored = await self.truth.store.load("r1")
        assert stored is not None
        assert stored.record.status == self.truth.standing
        assert stored.frontier is not None
        assert not stored.entries, "the end is saved with its last entry"
        state = decode_state(stored.frontier)
        assert state is not None
        assert as_recorded(state) == as_recorded(self.truth.folded.state)
        assert await self.truth.store.open_suspensions() == []


@functools.cache
def _stage() -> tuple[Witness, Parts]:
    """The steps of all histories, which are one after another: it takes a while to make them."""
    witness = Witness()
    return witness, witness.parts()


_EVENTS = (
    *("answer",) * 8,
    *("answers",) * 2,
    *("event",) * 6,
    *("wait",) * 2,
    "start",
    *("long",) * 2,
    *("process",) * 3,
    *("kill", "kill", "close", "pause", "pause", "away"),
    "cancel",
)


class HistoryFailed(AssertionError):
    """A promise was broken in the history of ``seed``."""

    def __init__(self, seed: int, why: str) -> None:
        self.seed = seed
        super().__init__(seed, why)

    def __str__(self) -> str:
        seed, why = self.args
        return f"{why}\nto see how: python -m tests.simulation.faulty --seed {seed}"


def live_some(first: int, count: int) -> Counter[str]:
    """Histories of ``count`` seeds; gives how often each thing happened in them.

    Raises:
        HistoryFailed: its seed replays it.
    """
    seen: Counter[str] = Counter()
    for seed in range(first, first + count):
        try:
            history = live(seed)
        except Exception as error:
            raise HistoryFailed(seed, f"{type(error).__name__}: {error}") from error
        seen += history.weather.happened
        seen += history.claims.told
        seen["history, lived"] += 1
        seen["history, entries"] += len(history.truth.journal)
        seen["history, zombies' attempts"] += history.witness.zombies
        seen["history, epochs"] += 0 if history.truth.record is None else history.truth.record.epoch
    return seen


def live(
    seed: int, say: Callable[[str], None] | None = None, show: Callable[[Graph], None] = lambda _graph: None
) -> History:
    """One history, from its beginning to its end.

    Arguments:
        say: told of every write, as it happens.
        show: told of the workflow's graph.

    Raises:
        AssertionError: a promise was broken.
    """
    # The library tells of every fault that it meets, and here they are many: of interest are those of its own.
    with virtual_loop() as loop, _unheard(), Faults().listening() as faults, warnings.catch_warnings():
        # A process that is killed leaves calls behind that it was just about to make.
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        loop.set_exception_handler(lambda _loop, told: _heard(told, faults))
        history = History(seed, loop, say)
        show(history.workflow.graph)
        loop.run_until_complete(history.live())
        assert not faults.told, "; ".join(faults.told)
        loop.run_until_complete(history.judge())
    return history


@contextmanager
def _unheard() -> Generator[None]:
    library = logging.getLogger("waystation")
    before, library.propagate = library.propagate, False
    try:
        yield
    finally:
        library.propagate = before


def _heard(told: dict[str, Any], faults: Faults) -> None:
    """The loop tells of an error that nobody has fetched. Of a future: whoever waited for it was killed."""
    if "future" not in told or isinstance(told["future"], asyncio.Task):
        faults.told.append(repr(told.get("exception", told)))
