"""Steps that write down what they do, and hold the promises from within: for histories of the real engine."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

import msgspec

from tests.simulation.dice import Dice
from tests.simulation.random_graphs import Parts
from waystation import FlowContext, Retry, Step, StepContext, Store, create_step
from waystation.core.encoding import decode_entry
from waystation.core.entries import AnyEntry, OnceRecorded, StepBailed, StepFailed, StepSucceeded, SuspensionAnswered
from waystation.define.nodes import FlowFunction

RUN = "r1"

AnyContext: TypeAlias = StepContext[Any, Any, Any]

_LISTS: tuple[object, ...] = ([], [[1]], [[1, 2], [3]], [[[1], [2]], [[3]], []], [[[[1]], [[2]]]])
_RETRY = Retry(attempts=3, initial=timedelta(seconds=1))


class Broken(AssertionError):
    """A promise was broken, as seen by a step."""


@dataclass
class Ledger:
    """What the steps of one run did.

    Attributes:
        store: where the run is kept; read behind the engine's back.
        broken: the promises that were broken.
        began: how often each step began.
        calm: whether from now on every step does well.
    """

    dice: Dice
    store: Store
    broken: list[str] = field(default_factory=list[str])
    began: Counter[str] = field(default_factory=Counter[str])
    calm: bool = False

    async def journal(self) -> list[AnyEntry]:
        """The run's journal, as it is durable now."""
        return [decode_entry(entry) for entry in await self.store.read(RUN)]

    def chance(self, percent: int) -> bool:
        """True that often, while things may go badly."""
        return not self.calm and self.dice.chance(percent)

    # ------------------------------------------------------------------ steps

    async def work(self, value: object, ctx: AnyContext) -> object:
        """What every step does."""
        await self._begin(ctx)
        for _ in range(self.dice.number(0, 2)):
            await asyncio.sleep(0)
        if self.dice.chance(20):
            await ctx.once("mail", lambda: self._mail(ctx))
        if self.chance(7):
            raise ValueError("no")
        if self.chance(2):
            await ctx.bail(self.dice.pick(_LISTS))
        if self.chance(1):
            await ctx.abort("enough")
        return self.dice.pick(_LISTS)

    async def ask(self, value: object, ctx: AnyContext) -> object:
        """What a step does that may ask."""
        if (ctx.resume_data is None or self.chance(15)) and self.chance(70):
            await self._begin(ctx)
            await ctx.suspend({"of": ctx.address})
        return await self.work(value, ctx)

    async def undo(self, value: object, ctx: AnyContext) -> object:
        """What a compensation does."""
        await self._begin(ctx)
        if self.chance(10):
            raise ValueError("cannot be undone")
        return None

    async def _begin(self, ctx: AnyContext) -> None:
        self.began[ctx.address] += 1
        answers: list[object] = []
        for entry in await self.journal():
            if isinstance(entry, (StepSucceeded, StepFailed, StepBailed)) and entry.address == ctx.address:
                self._break(f"{ctx.address} is done, and runs again")
            if isinstance(entry, SuspensionAnswered) and entry.address == ctx.address:
                answers.append(msgspec.json.decode(entry.data))
        if ctx.resume_data is not None and ctx.resume_data not in answers:
            self._break(f"{ctx.address} runs on an answer that is not durable: {ctx.resume_data}")

    async def _mail(self, ctx: AnyContext) -> str:
        if any(isinstance(entry, OnceRecorded) and entry.address == ctx.address for entry in await self.journal()):
            self._break(f"what {ctx.address} did once is done again")
        return "sent"

    def _break(self, what: str) -> None:
        self.broken.append(what)
        raise Broken(what)

    # ------------------------------------------------------------------ the graph

    def parts(self) -> Parts:
        """What random graphs are made of, that keep this ledger."""
        undo: Step[object, object] = create_step(
            id="undo", input=object, output=object, retry=_RETRY, execute=self.undo
        )
        steps: list[Step[object, object]] = []
        for retry in (None, _RETRY):
            for compensation in (None, undo):
                plain: Step[object, object] = create_step(
                    id="step", input=object, output=object, retry=retry, undo=compensation, execute=self.work
                )
                asking: Step[object, object] = create_step(
                    id="step",
                    input=object,
                    output=object,
                    suspend=object,
                    resume=object,
                    retry=retry,
                    undo=compensation,
                    execute=self.ask,
                )
                steps += [plain, asking]

        def more(_: object, ctx: FlowContext) -> bool:
            return ctx.iteration < 3 and self.chance(50)

        return Parts(
            steps=steps,
            condition=FlowFunction(lambda _: self.dice.chance(60)),
            key=FlowFunction(lambda _: 1 if self.chance(5) else 0),
            mapped=FlowFunction(lambda _: self.dice.pick(_LISTS)),
            match=FlowFunction(lambda _: not self.chance(50)),
            more=FlowFunction(more, takes_context=True),
            done=FlowFunction(lambda value, ctx: not more(value, ctx), takes_context=True),
        )
