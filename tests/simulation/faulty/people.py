"""What people do with the run, each from some process: start it, answer, send events, cancel, wait."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.simulation.dice import Dice
from tests.simulation.faulty.claims import Claims, Told
from tests.simulation.faulty.process import Process
from tests.simulation.faulty.truth import Truth
from tests.simulation.ledger import RUN
from waystation import RunResult, Suspension, Workflow
from waystation.errors import AppClosed, RunAlreadyExists, RunAlreadyStarted, RunEnded, RunError, StoreError

_INPUT = [[1], [2, 3]]


class People:
    """People, and what they are told.

    Attributes:
        broken: what they were told that nobody may be told when nothing is wrong.
        patient: whether they wait for nothing but to be told that an answer was taken.
    """

    def __init__(self, dice: Dice, truth: Truth, claims: Claims, workflow: Workflow[object, object]) -> None:
        self.broken: list[str] = []
        self.patient = False
        self._dice = dice
        self._truth = truth
        self._claims = claims
        self._workflow = workflow

    async def do(self, what: str, process: Process) -> None:
        """One thing, whatever comes of it."""
        match what:
            case "answer":
                await self._answer_any(process)
            case "answers":
                await asyncio.gather(self._answer_any(process), self._answer_any(process))
            case "event":
                await self._send(process)
            case "cancel":
                await self._cancel(process)
            case "start":
                await self.start(process)
            case _:
                await self._wait(process)

    async def start(self, process: Process) -> None:
        """Create the run and start it, at once or one after the other."""
        workflow = process.app.get_workflow(self._workflow)
        try:
            if self._dice.chance(50):
                await workflow.start_async(_INPUT, run_id=RUN)
            else:
                with suppress(RunAlreadyExists):
                    await workflow.create_run(run_id=RUN)
                await process.run.start_async(_INPUT)
        except StoreError:
            self._claims.start("unsure")
        except (RunAlreadyExists, RunAlreadyStarted, RunEnded, RunError, AppClosed):
            self._claims.start("refused")
        else:
            self._claims.start("taken")

    async def _answer_any(self, process: Process) -> None:
        try:
            waiting = await process.app.pending(run_id=RUN)
        except (StoreError, AppClosed):
            return
        if waiting:
            await self._answer(process, self._dice.pick(waiting))

    async def _answer(self, process: Process, suspension: Suspension) -> None:
        number = self._claims.next_number()
        told: Told = "taken"
        data = {"number": number}
        try:
            if self.patient or self._dice.chance(70):
                await process.run.resume_async(suspension=suspension.id, data=data)
            else:
                result = await process.run.resume(suspension=suspension.id, data=data)
                self._claims.rest(result.status)
        except (StoreError, AppClosed):
            told = "unsure"  # an app that is closed while it waits for what follows has taken the answer
        except RunError:
            told = "refused"
        self._claims.answer(number, suspension.id, told)

    async def _send(self, process: Process) -> None:
        names = sorted(self._workflow.graph.waits())
        if not names:
            return
        number = self._claims.next_number()
        key = f"k{number}" if self._dice.chance(50) else ""
        name = self._dice.pick(names)
        told: Told | None = None
        for _ in range(3 if key else 1):
            try:
                await process.run.send_event(name, [[number]], idempotency_key=key)
            except (StoreError, AppClosed):
                told = "unsure"
            except RunError:
                told = told or "refused"  # the time before it may have been taken
                break
            else:
                told = "taken"
                break
        assert told is not None, "it was sent once at least"
        self._claims.event(number, told)

    async def _cancel(self, process: Process) -> None:
        try:
            await process.run.cancel_async()
        except (StoreError, AppClosed):
            self._claims.cancel("unsure")
        except RunError:
            self._claims.cancel("refused")
        else:
            self._claims.cancel("taken")

    async def _wait(self, process: Process) -> None:
        with suppress(StoreError, RunError, AppClosed):
            self._claims.rest((await process.run.wait()).status)

    # ------------------------------------------------------------------ when nothing is wrong any more

    async def help_on(self, process: Process) -> None:
        """Do what the run waits for."""
        record = self._truth.record
        try:
            if record is None or record.status == "pending":
                await self.start(process)
            elif waiting := await process.app.pending(run_id=RUN):
                await self._answer(process, self._dice.pick(waiting))
            elif record.status == "waiting" and record.wake_at is None:
                await self._send(process)
        except AppClosed:
            pass
        except StoreError as error:
            self.broken.append(f"nothing is wrong, and {process.name} was told: {error}")

    async def hear_the_end(self, process: Process) -> None:
        """Wait for a run that has ended: also who did not see it end is told so."""
        try:
            async with asyncio.timeout(60):
                result = await self._hear(process)
        except TimeoutError:
            self.broken.append(f"{process.name} is not told that the run has ended")
        else:
            self._claims.rest(result.status)
            if result.status != self._truth.standing:
                self.broken.append(f"{process.name} is told of {result.status}")

    async def _hear(self, process: Process) -> RunResult[object]:
        while True:
            # What went wrong before it was calm may be told now, and so may how the run rested then.
            with suppress(StoreError):
                result = await process.run.wait()
                if result.status not in ("suspended", "paused"):
                    return result
            await asyncio.sleep(1)
