"""Runs one attempt of one step: from its input's JSON to a signal for the machine. User code is called here."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import random
from collections.abc import Awaitable, Coroutine, Mapping
from typing import cast

import msgspec

from waystation.core.addresses import node_key
from waystation.core.machine import Machine
from waystation.core.refs import Millis
from waystation.core.signals import Aborted, Bailed, Failed, RunStep, Signal, Succeeded, Suspended
from waystation.define.nodes import Place, StepNode
from waystation.define.step import AnyStep
from waystation.define.workflow import Workflow
from waystation.engine.access import RunAccess, StepControl
from waystation.engine.elsewhere import StepsElsewhere
from waystation.engine.engine import Engine
from waystation.engine.error_records import record_error
from waystation.engine.run_state import StateView
from waystation.engine.step_context import RunningStep, StepEnd, Surroundings
from waystation.engine.turns import StepTransaction
from waystation.errors import DataError, InvalidInput, InvalidOutput, NonRetryable, StepTimeout
from waystation.schema import Schema

_LAST_WORD = 10.0
"""For how long, in seconds, it is waited for how an attempt has ended that runs elsewhere and is cut off."""

_UNCHANGED: Mapping[str, bytes] = {}


class Outcome(msgspec.Struct, frozen=True):
    """How an attempt ended.

    Attributes:
        signal: what to tell the machine.
        transaction: where the step wrote, to be committed with that.
        of: the key of what has ended so, where that was in flight.
    """

    signal: Signal
    transaction: StepTransaction | None = None
    of: object = None


class StepRunner(msgspec.Struct):
    """Runs the steps of one run.

    Attributes:
        access: how a step's context reaches the run.
        elsewhere: has steps that are to be spread run by other processes; None to run all here.
        read_back: the JSON that a step gave last, read by the schema that wrote it, and not given to anyone yet.
    """

    engine: Engine
    workflow: Workflow[object, object]
    run_id: str
    access: RunAccess
    elsewhere: StepsElsewhere | None = None
    read_back: tuple[Schema[object], bytes, object] | None = None

    async def run(self, action: RunStep, machine: Machine, control: StepControl) -> Outcome:
        """Run one attempt. Never raises for what the step does; only for a cancellation from outside, or if the
        store is away, or the run has another owner by now."""
        place = machine.graph.places[node_key(action.address)]
        assert isinstance(place.node, StepNode), f"the machine asked for {action.address!r}, which is no step"
        step = place.node.step
        if not self.access.owning.is_certain():  # ``check`` would see to that too; but each step comes here
            await self.access.owning.check()
        if (
            self.elsewhere is not None
            and step.placement == "spread"
            and (placed := await _to_its_end(self.elsewhere.run(action), control)) is not None
        ):
            return Outcome(placed)
        began = self.engine.clock.now()
        context: RunningStep | None = None
        transaction: StepTransaction | None = None
        signal: Signal | None = None
        try:
            value = self._load_input(step, action, machine)
            if step.takes_context:
                context = self._context(place, step, action, machine, control, value)
            given = (value, context) if step.takes_context else (value,)
            if step.timeout is None and step.total_timeout is None:
                result = await self._begin(step, given)
            else:
                result = await self._in_time(step, action, given)
            # A function that swallowed the end that it asked for has ended that way all the same.
            if context is None or context.ending is None:
                output = self._dump_output(step, action, result)
                state = _UNCHANGED if context is None else context.state_changes()
                signal = Succeeded(action.address, action.attempt, began, self.engine.clock.now(), output, state)
                transaction = None if context is None else context.take_transaction()
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # whatever a step raises is the step's failure, not ours
            if isinstance(error, asyncio.CancelledError) and control.is_cancelled_from_outside():
                raise
            if (outage := self.access.outages.behind(error)) is not None:
                raise outage from None
            if not _is_asked_for(error, context):
                signal = self._failed(place, step, action, began, error)
        finally:
            if context is not None:
                context.is_over = True
                if (open_still := context.take_transaction()) is not None:
                    await open_still.roll_back()
        if signal is None:
            assert context is not None, "only a context lets a step end so"
            signal = self._ended(action, began, context)
        return Outcome(signal, transaction)

    # ------------------------------------------------------------------ parts of an attempt

    def _load_input(self, step: AnyStep, action: RunStep, machine: Machine) -> object:
        # Always from the journal's bytes, never the object the step before gave: so a step sees the same before
        # and after a restart, and steps side by side never share a mutable input.
        data = machine.values.json(action.input)
        if self.read_back is not None:
            (schema, known, value), self.read_back = self.read_back, None
            if schema is step.input and known == data:
                return value  # it is what would be read now, and nobody has it
        try:
            return step.input.load(data)
        except DataError as error:
            raise error.located(InvalidInput, workflow_id=self.workflow.id, address=action.address) from None

    def _context(
        self, place: Place, step: AnyStep, action: RunStep, machine: Machine, control: StepControl, value: object
    ) -> RunningStep:
        resume_data = suspend_data = None
        if action.suspension and step.suspend is not None:
            suspend_data = step.suspend.load(machine.values.json(action.suspension))
        if action.answer and step.resume is not None:
            resume_data = step.resume.load(machine.values.json(action.answer))
        scope = machine.graph.nested(place.scope) or self.workflow
        surroundings = Surroundings(self.run_id, self.workflow.id, self.engine.agents, self.engine.tools, scope.output)
        state = StateView(
            self.access.shared(),
            step.state,
            declared=self._declared_states(place),
            workflow_id=self.workflow.id,
            address=action.address,
        )
        return RunningStep(
            self.access,
            action,
            step,
            surroundings,
            control=control,
            value=value,
            state=state,
            resume_data=resume_data,
            suspend_data=suspend_data,
        )

    def _declared_states(self, place: Place) -> list[Schema[object]]:
        """The types of the run state that the workflows around a step declare, the innermost first."""
        if self.workflow.state is None:
            return []
        found: list[Schema[object]] = []
        graph = self.workflow.graph
        while (nested := graph.nested(place.scope)) is not None:
            if nested.state is not None:
                found.append(nested.state)
            place = graph.places[place.scope]
        return [*found, self.workflow.state]

    async def _in_time(self, step: AnyStep, action: RunStep, given: tuple[object, ...]) -> object:
        seconds, which = self._time_left(step, action)
        if seconds <= 0:
            raise StepTimeout(f"step {step.id!r} was not tried again: its {which}, was over before")
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                return await self._begin(step, given)
        except TimeoutError:
            if not scope.expired():
                raise  # the step's own TimeoutError
            raise StepTimeout(f"step {step.id!r} ran longer than its {which}") from None

    def _time_left(self, step: AnyStep, action: RunStep) -> tuple[float, str]:
        """How long this attempt may take, in seconds, and what says so."""
        bounds: list[tuple[float, str]] = []
        if step.timeout is not None:
            bounds.append((step.timeout.total_seconds(), f"timeout of {step.timeout}"))
        if step.total_timeout is not None:
            gone = (self.engine.clock.now() - action.first_began) / 1000 if action.first_began else 0.0
            left = max(step.total_timeout.total_seconds() - gone, 0.0)
            bounds.append((left, f"total_timeout of {step.total_timeout}, over all its attempts"))
        return min(bounds)

    def _begin(self, step: AnyStep, given: tuple[object, ...]) -> Awaitable[object]:
        """What the step gives, to be awaited at once: nearly always just its function's own coroutine."""
        if step.is_async:
            return step.fn(*given)  # type: ignore[return-value]  # is_async says that it gives an awaitable
        return self._run_in_thread(functools.partial(step.fn, *given))

    async def _run_in_thread(self, call: functools.partial[object]) -> object:
        loop = asyncio.get_running_loop()
        # As asyncio.to_thread does, but in the app's own threads: the function sees the caller's context.
        context = contextvars.copy_context()
        result = await loop.run_in_executor(self.engine.threads, lambda: context.run(_in_thread, call))
        if isinstance(result, StepEnd):
            raise result
        return result

    def _dump_output(self, step: AnyStep, action: RunStep, result: object) -> bytes:
        try:
            data, back = step.output.dump_and_load(result)
        except DataError as error:
            raise error.located(InvalidOutput, workflow_id=self.workflow.id, address=action.address) from None
        self.read_back = step.output, data, back
        return data

    # ------------------------------------------------------------------ how it ended

    def _ended(self, action: RunStep, began: Millis, context: RunningStep) -> Signal:
        ending, now = context.ending, self.engine.clock.now()
        assert ending is not None, "suspend(), bail() and abort() set it before they raise"
        address, attempt, state = action.address, action.attempt, context.state_changes()
        match ending.kind:
            case "suspend":
                return Suspended(address, attempt, began, now, ending.data, ending.text, state)
            case "bail":
                return Bailed(address, attempt, began, now, ending.data, state)
            case "abort":
                grace = round(self.engine.cancel_grace.total_seconds() * 1000)
                return Aborted(address, attempt, began, now, ending.text, grace)

    def _failed(self, place: Place, step: AnyStep, action: RunStep, began: Millis, error: BaseException) -> Failed:
        retry = step.retry or place.retry
        return Failed(
            action.address,
            action.attempt,
            began,
            self.engine.clock.now(),
            record_error(error, action.address),
            # A bad input will be as bad the next time; a bad output may not (think of a model's answer).
            retryable=isinstance(error, retry.on) and not isinstance(error, (NonRetryable, InvalidInput)),
            chance=random.random(),  # noqa: S311  (jitter needs no secrecy)
        )


async def _to_its_end(call: Coroutine[object, object, Signal | None], control: StepControl) -> Signal | None:
    """What came of an attempt that runs elsewhere. If the run is cancelled, and its time of grace is over, whoever runs
    it ends it, and says how: it may have got to its end, and then is to be undone."""
    calling = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(calling)
    except asyncio.CancelledError:
        if not control.is_cancelled:
            raise
        await asyncio.wait([calling], timeout=_LAST_WORD)
        if not calling.done():
            raise
        return calling.result()
    finally:
        calling.cancel()


def _in_thread(call: functools.partial[object]) -> object:
    # A future cannot carry a BaseException that is not an Exception out of a thread without the thread pool taking
    # it for its own end on some versions; so the signal is handed over as a value.
    try:
        return call()
    except StepEnd as signal:
        return signal
    except StopIteration as error:
        # Neither can a future carry this one.
        raise RuntimeError("the step raised StopIteration") from error


def _is_asked_for(error: BaseException, context: RunningStep | None) -> bool:
    """Whether it is the end that the step asked for; in a task group that comes as a group."""
    if context is None or context.ending is None:
        return False
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).split(StepEnd)[1] is None
    return isinstance(error, StepEnd)
