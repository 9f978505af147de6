"""Runs one attempt of one step: from its input's JSON to a signal for the machine. User code is called here."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import random
from dataclasses import dataclass

from waystation.core.addresses import node_key
from waystation.core.entries import Millis
from waystation.core.machine import Machine
from waystation.core.signals import Checked, CheckOutput, DecideBranch, Decided, Failed, RunStep, Succeeded, Suspended
from waystation.define.nodes import BranchNode
from waystation.define.step import AnyStep
from waystation.define.workflow import Workflow
from waystation.engine.engine import Engine
from waystation.engine.error_records import record_error
from waystation.engine.step_context import RunAccess, RunningStep, SuspendSignal
from waystation.errors import DataError, InvalidInput, InvalidOutput, NonRetryable, StepTimeout


@dataclass(frozen=True, slots=True)
class StepRunner:
    """Runs the steps of one run.

    Attributes:
        access: how a step's context reaches the run.
    """

    engine: Engine
    workflow: Workflow[object, object]
    run_id: str
    access: RunAccess

    async def run(self, action: RunStep, machine: Machine) -> Succeeded | Failed | Suspended:
        """Run one attempt. Never raises for what the step does; only for a cancellation from outside."""
        step = self.workflow.graph.step(node_key(action.address))
        assert step is not None, f"the machine asked for {action.address!r}, which is no step of the graph"
        began = self.engine.clock.now()
        context: RunningStep | None = None
        try:
            value = self._load_input(step, action, machine)
            if step.takes_context:
                context = self._context(step, action, machine)
            result = await self._call(step, value, context)
            if context is not None and context.suspend_payload is not None:
                return self._suspended(action, began, context)
            output = self._dump_output(step, action, result)
        except SuspendSignal:
            assert context is not None, "only a context raises SuspendSignal"
            return self._suspended(action, began, context)
        except asyncio.CancelledError as error:
            if _cancelled_from_outside():
                raise
            return self._failed(step, action, began, error)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (whatever a step raises is the step's failure, not ours)
            return self._failed(step, action, began, error)
        return Succeeded(action.address, action.attempt, began, self.engine.clock.now(), output)

    async def decide(self, action: DecideBranch, machine: Machine) -> Decided:
        """Ask a branch's conditions."""
        node = self.workflow.graph.places[node_key(action.address)].node
        assert isinstance(node, BranchNode), f"the machine asked to decide {action.address!r}, which is no branch"
        taken: list[str] = []
        try:
            for condition, child in zip(node.conditions, node.children, strict=True):
                # Each condition gets a value of its own: none can change what another sees.
                answer = condition(node.input.load(machine.values.json(action.input)))
                if answer if isinstance(answer, bool) else await _truth(answer):
                    taken.append(child.id)
        except asyncio.CancelledError as error:
            if _cancelled_from_outside():
                raise
            return Decided(action.address, self.engine.clock.now(), (), record_error(error, action.address))
        except Exception as error:  # noqa: BLE001  (a condition that raises fails the run)
            return Decided(action.address, self.engine.clock.now(), (), record_error(error, action.address))
        return Decided(action.address, self.engine.clock.now(), tuple(taken))

    def check(self, action: CheckOutput, machine: Machine) -> Checked:
        """Hold the run's output against the workflow's declared output."""
        try:
            self.workflow.output.load(machine.values.json(action.output))
        except DataError as error:
            located = error.located(InvalidOutput, workflow_id=self.workflow.id, address="output")
            return Checked(self.engine.clock.now(), record_error(located))
        return Checked(self.engine.clock.now())

    # ------------------------------------------------------------------ parts of an attempt

    def _load_input(self, step: AnyStep, action: RunStep, machine: Machine) -> object:
        # Always from the journal's bytes, never the object the step before gave: so a step sees the same before
        # and after a restart, and steps side by side never share a mutable input.
        try:
            return step.input.load(machine.values.json(action.input))
        except DataError as error:
            raise error.located(InvalidInput, workflow_id=self.workflow.id, address=action.address) from None

    def _context(self, step: AnyStep, action: RunStep, machine: Machine) -> RunningStep:
        resume_data = suspend_data = None
        if action.suspension and step.suspend is not None:
            suspend_data = step.suspend.load(machine.values.json(action.suspension))
        if action.answer and step.resume is not None:
            resume_data = step.resume.load(machine.values.json(action.answer))
        return RunningStep(
            self.access,
            action,
            step,
            run_id=self.run_id,
            workflow_id=self.workflow.id,
            agents=self.engine.agents,
            tools=self.engine.tools,
            resume_data=resume_data,
            suspend_data=suspend_data,
        )

    async def _call(self, step: AnyStep, value: object, context: RunningStep | None) -> object:
        call = functools.partial(step.fn, value, context) if step.takes_context else functools.partial(step.fn, value)
        if step.timeout is None:
            return await self._finish(step, call)
        scope = asyncio.timeout(step.timeout.total_seconds())
        try:
            async with scope:
                return await self._finish(step, call)
        except TimeoutError:
            if not scope.expired():
                raise  # the step's own TimeoutError
            raise StepTimeout(f"step {step.id!r} ran longer than its timeout of {step.timeout}") from None

    async def _finish(self, step: AnyStep, call: functools.partial[object]) -> object:
        if not step.is_async:
            loop = asyncio.get_running_loop()
            # As asyncio.to_thread does, but in the app's own threads: the function sees the caller's context.
            context = contextvars.copy_context()
            result = await loop.run_in_executor(self.engine.threads, lambda: context.run(_in_thread, call))
            if isinstance(result, SuspendSignal):
                raise result
            return result
        return await call()  # type: ignore[misc]  # is_async says that it gives an awaitable

    def _dump_output(self, step: AnyStep, action: RunStep, result: object) -> bytes:
        try:
            return step.output.dump(result)
        except DataError as error:
            raise error.located(InvalidOutput, workflow_id=self.workflow.id, address=action.address) from None

    # ------------------------------------------------------------------ how it ended

    def _suspended(self, action: RunStep, began: Millis, context: RunningStep) -> Suspended:
        # A function that swallowed the signal and returned has suspended all the same: suspend() never returns.
        assert context.suspend_payload is not None, "suspend() sets the payload before it raises"
        now = self.engine.clock.now()
        return Suspended(action.address, action.attempt, began, now, context.suspend_payload, context.suspend_label)

    def _failed(self, step: AnyStep, action: RunStep, began: Millis, error: BaseException) -> Failed:
        retry = step.retry or self.workflow.graph.retry
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


def _in_thread(call: functools.partial[object]) -> object:
    # A future cannot carry a BaseException that is not an Exception out of a thread without the thread pool taking
    # it for its own end on some versions; so the signal is handed over as a value.
    try:
        return call()
    except SuspendSignal as signal:
        return signal
    except StopIteration as error:
        # Neither can a future carry this one.
        raise RuntimeError("the step raised StopIteration") from error


async def _truth(answer: object) -> bool:
    return bool(await answer if inspect.isawaitable(answer) else answer)


def _cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
