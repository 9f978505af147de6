"""A storm over a fleet: its runs, what is asked of them meanwhile, and how it is known that a moment has come."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from tests.fleet.crash.errands import HELD, Piece, ask, expected, expected_of_answer, parked
from tests.fleet.crash.fleet import Fleet
from tests.fleet.crash.judge import Asked, Seen, Verdict, judge_answers, judge_steps, seen
from tests.restate_server import RestateCluster
from waystation import Waystation, Workflow
from waystation.core.encoding import decode_entry
from waystation.core.entries import AnyEntry
from waystation.errors import AlreadyAnswered, DispatchUnreachable
from waystation.run import Run
from waystation.store.records import RunStatus

_PATIENCE = 60.0
_BESIDE, _DEAD = 5000, 9000
"""What the second of two answers that are given at once is more than the first, and one that goes to a dead node."""


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for a moment that is known by what has happened."""
    deadline = time.monotonic() + _PATIENCE
    while not await condition():
        assert time.monotonic() < deadline, f"it did not come to this: {what}"
        await asyncio.sleep(0.02)


class Storm:
    """Runs on a fleet, half of them in flight and half parked.

    Arguments:
        here: an app whose Restate node lives; it drives nothing.
        there: one whose node is killed.
        each: how many runs of each workflow that is held.

    Attributes:
        held: the runs that are in flight: workflow and number, by run.
        parked: their numbers, by run, of those that wait for an answer.
        unanswered: those of them that nobody was asked about yet.
        asked: what came of every answer.
    """

    def __init__(
        self, here: Waystation, there: Waystation, workers: Fleet, cluster: RestateCluster, *, each: int
    ) -> None:
        self.here = here
        self.there = there
        self.workers = workers
        self.nodes = cluster.nodes
        self.each = each
        self.held = {f"{flow.id}-{number}": (flow, number) for flow in HELD for number in range(each)}
        self.parked = {f"parked-{number}": number for number in range(each * len(HELD))}
        self.unanswered = list(self.parked)
        self.asked: list[Asked] = []

    def lines(self) -> list[str]:
        """The ledger."""
        return self.workers.ledger.lines()

    # ------------------------------------------------------------------ moments

    async def start_all(self) -> None:
        """Park half of the runs, and have the other half held in flight."""
        await self._start({run_id: (parked, number) for run_id, number in self.parked.items()})
        await self.stand("suspended", len(self.parked))
        await self._start(self.held)

        async def are_held() -> bool:
            return sum(self.holders().values()) == len(self.held)

        await until(are_held, "all runs are held in flight")

    async def _start(self, runs: Mapping[str, tuple[Workflow[int, Piece], int]]) -> None:
        starts = (self.here.get_workflow(flow).start_async(number, run_id=id_) for id_, (flow, number) in runs.items())
        await asyncio.gather(*starts)

    async def stand(self, status: RunStatus, count: int) -> None:
        """Until so many runs stand so."""

        async def do_stand() -> bool:
            return len((await self.here.list_runs(status=status, limit=1000)).runs) >= count

        await until(do_stand, f"{count} runs are {status}")

    def grown_by(self, lines: int) -> Awaitable[None]:
        """Until the ledger has grown so much from now."""
        goal = len(self.lines()) + lines

        async def has_grown() -> bool:
            return len(self.lines()) >= goal

        return until(has_grown, f"the ledger has {goal} lines")

    def holders(self) -> Counter[str]:
        """How many runs each worker has begun to hold, as the last to do so."""
        return Counter(dict(self.workers.beginnings_to_hold()).values())

    def times_held(self) -> int:
        """How often a run was begun to be held, by whomever."""
        return len(self.workers.beginnings_to_hold())

    def held_at(self, place: str) -> int:
        """How many the worker there holds."""
        return self.holders()[self.workers.living[place].name]

    # ------------------------------------------------------------------ answers

    def take(self, count: int) -> Sequence[str]:
        """So many of those that nobody was asked about."""
        taken, self.unanswered = self.unanswered[:count], self.unanswered[count:]
        return taken

    async def answer(self, app: Waystation, run_id: str, answer: int) -> Asked:
        """Answer one run by that app; what came of it."""
        told = Asked(run_id, answer)
        try:
            await Run(app, parked, run_id).resume_async(step=ask, data=answer)
        except (AlreadyAnswered, DispatchUnreachable) as error:
            told = Asked(run_id, answer, refused=error.code)
        self.asked.append(told)
        return told

    async def answer_by_a_dead_node(self, run_ids: Sequence[str]) -> Sequence[str]:
        """Answer runs one after another by the app whose node is dead; those that it refused, and left as they were."""
        refused: list[str] = []
        for run_id in run_ids:
            before = await self.here.store.load(run_id)
            if (await self.answer(self.there, run_id, self.parked[run_id] + _DEAD)).refused:
                assert await self.here.store.load(run_id) == before, "what was refused has changed the run"
                refused.append(run_id)
        return refused

    async def answer_all(self, run_ids: Sequence[str], *apps: Waystation) -> None:
        """Answer runs, all at once, by one of the apps each; every fourth is answered twice at once."""
        answers: list[Awaitable[Asked]] = []
        for number, run_id in enumerate(run_ids):
            for beside in (0, _BESIDE) if number % 4 == 0 else (0,):
                app = apps[(number + bool(beside)) % len(apps)]
                answers.append(self.answer(app, run_id, self.parked[run_id] + beside))
        await asyncio.gather(*answers)

    # ------------------------------------------------------------------ the end

    async def judge(self) -> tuple[Verdict, Seen, Mapping[str, Sequence[AnyEntry]]]:
        """Wait until all have ended, and judge them."""
        await self.stand("success", len(self.held) + len(self.parked))
        verdict, ledger = Verdict(), seen(self.lines())
        journals: dict[str, Sequence[AnyEntry]] = {
            run_id: [decode_entry(entry) for entry in await self.here.store.read(run_id)]
            for run_id in (*self.held, *self.parked)
        }
        judge_steps(journals, ledger, verdict)
        judge_answers(journals, self.asked, verdict)
        accepted = {told.run_id: told.answer for told in self.asked if not told.refused}
        for run_id, (flow, number) in self.held.items():
            await self._judge_result(flow, run_id, expected(flow.id, number), verdict)
        for run_id, number in self.parked.items():
            await self._judge_result(parked, run_id, expected_of_answer(number, accepted[run_id]), verdict)
        return verdict, ledger, journals

    async def _judge_result(self, flow: Workflow[int, Piece], run_id: str, value: int, verdict: Verdict) -> None:
        result = await Run(self.here, flow, run_id).result()
        found = result.result.value if result.status == "success" else result.status
        verdict.must(found == value, f"{run_id} has come to {found}, not to {value}")
