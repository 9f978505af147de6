"""The ``StepContext`` that a step function is really given."""

from __future__ import annotations

import asyncio
import inspect
import logging
import typing
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Never, Protocol, TypeVar, cast

from typing_extensions import TypeForm

from waystation.core.addresses import Address
from waystation.core.signals import RunStep
from waystation.define.context import StepContext
from waystation.define.step import AnyStep, Step
from waystation.errors import (
    DataError,
    InvalidInput,
    InvalidRecordedValue,
    InvalidSuspendPayload,
    StepError,
    SuspendNotAllowed,
)
from waystation.schema import Schema, schema_for

T = TypeVar("T")

_log = logging.getLogger("waystation.step")


class SuspendSignal(BaseException):
    """Ends a step function that called ``suspend``. Not an ``Exception``: ``except Exception`` lets it through."""


class RunAccess(Protocol):
    """What a context needs of the driver of its run."""

    async def recorded(self, address: Address, name: str) -> bytes | None:
        """The value ``once`` recorded under ``name``, as JSON."""
        ...

    async def record(self, address: Address, name: str, value: bytes) -> None:
        """Record a value of ``once``; durable when this returns."""

    async def step_output(self, address: str) -> bytes | None:
        """The output of a step that has succeeded, as JSON."""
        ...

    async def run_input(self) -> bytes:
        """The run's input, as JSON."""
        ...


class RunningStep(StepContext[object, object]):
    """One attempt of one step.

    Attributes:
        suspend_payload: what the step gave to ``suspend``, as JSON, once it did.
        suspend_label: the label it gave.
    """

    def __init__(
        self,
        access: RunAccess,
        action: RunStep,
        step: AnyStep,
        *,
        run_id: str,
        workflow_id: str,
        agents: Mapping[str, object],
        tools: Mapping[str, object],
        resume_data: object,
        suspend_data: object,
    ) -> None:
        self.run_id = run_id
        self.workflow_id = workflow_id
        self.step_id = step.id
        self.address = action.address
        self.attempt = action.attempt
        self.idempotency_key = f"{run_id}:{action.address}"
        self.agents = agents
        self.tools = tools
        self.suspend_payload: bytes | None = None
        self.suspend_label = ""
        self._access = access
        self._address = action.address
        self._step = step
        self._resume_data = resume_data
        self._suspend_data = suspend_data
        self._recording: dict[str, asyncio.Future[bytes]] = {}
        self._loop = asyncio.get_running_loop()

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:  # type: ignore[override]  # made when first asked for: most steps do not log
        """A logger whose records carry ``run_id``, ``workflow_id``, ``address`` and ``attempt``."""
        return logging.LoggerAdapter(
            _log,
            {
                "run_id": self.run_id,
                "workflow_id": self.workflow_id,
                "address": self.address,
                "attempt": self.attempt,
            },
        )

    @property
    def resume_data(self) -> object:
        """See ``StepContext``."""
        return self._resume_data

    @property
    def suspend_data(self) -> object:
        """See ``StepContext``."""
        return self._suspend_data

    # ------------------------------------------------------------------ suspend

    def suspend(self, payload: object, *, label: str = "") -> Coroutine[None, None, Never]:
        """See ``StepContext``. Raises when called, so a forgotten ``await`` suspends all the same."""
        self.suspend_sync(payload, label=label)

    def suspend_sync(self, payload: object, *, label: str = "") -> Never:
        """See ``StepContext``."""
        schema = self._step.suspend
        if schema is None:
            raise SuspendNotAllowed(
                f"step {self.step_id!r} called suspend(), but was declared without suspend= and resume=; "
                "declare both, so that the answer has a type"
            )
        try:
            self.suspend_payload = schema.dump(payload)
        except DataError as error:
            raise error.located(InvalidSuspendPayload, workflow_id=self.workflow_id, address=self.address) from None
        self.suspend_label = label
        raise SuspendSignal

    # ------------------------------------------------------------------ once

    async def once(self, name: str, fn: Callable[[], object], *, returns: object = None) -> Any:  # noqa: ANN401  (its two typed forms are StepContext\'s)
        """See ``StepContext``."""
        schema = _recorded_schema(fn, returns)
        found = await self._access.recorded(self._address, name)
        if found is not None:
            return schema.load(found)
        if name in self._recording:
            # The same effect is under way in this very attempt (say, in a gather): there is one call, and one record.
            return schema.load(await asyncio.shield(self._recording[name]))
        self._recording[name] = self._loop.create_future()
        try:
            given = fn()
            result: object = await given if inspect.isawaitable(given) else given
            value = self._dump_recorded(name, schema, result)
            await self._access.record(self._address, name, value)
        except BaseException as error:
            waiting = self._recording.pop(name)
            waiting.set_exception(error if isinstance(error, Exception) else StepError(f"once({name!r}) was cut off"))
            waiting.exception()  # read, so that nobody is told of an error that the step itself has seen
            raise
        self._recording.pop(name).set_result(value)
        return schema.load(value)

    def once_sync(self, name: str, fn: Callable[[], object], *, returns: object = None) -> Any:  # noqa: ANN401  (its two typed forms are StepContext\'s)
        """See ``StepContext``."""
        schema = _recorded_schema(fn, returns)
        found = self._on_loop(self._access.recorded(self._address, name))
        if found is None:
            found = self._dump_recorded(name, schema, fn())
            self._on_loop(self._access.record(self._address, name, found))
        return schema.load(found)

    def _dump_recorded(self, name: str, schema: Schema[T], result: T) -> bytes:
        try:
            return schema.dump(result)
        except DataError as error:
            place = f"{self.address} once({name!r})"
            raise error.located(InvalidRecordedValue, workflow_id=self.workflow_id, address=place) from None

    # ------------------------------------------------------------------ the rest of the run

    async def get_step_result(self, step: Step[Never, T]) -> T | None:
        """See ``StepContext``."""
        value = await self._access.step_output(step.id)
        return None if value is None else cast("T", step.output.load(value))

    def get_step_result_sync(self, step: Step[Never, T]) -> T | None:
        """See ``StepContext``."""
        return self._on_loop(self.get_step_result(step))

    async def get_init_data(self, type_: TypeForm[T]) -> T:
        """See ``StepContext``."""
        try:
            return schema_for(type_).load(await self._access.run_input())
        except DataError as error:
            raise error.located(InvalidInput, workflow_id=self.workflow_id, address="input") from None

    def get_init_data_sync(self, type_: TypeForm[T]) -> T:
        """See ``StepContext``."""
        return self._on_loop(self.get_init_data(type_))

    def _on_loop(self, call: Coroutine[object, object, T]) -> T:
        """Run ``call`` on the app's loop, from a step function's thread, and wait for it."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run_coroutine_threadsafe(call, self._loop).result()
        call.close()
        raise StepError(
            f"step {self.step_id!r} called a method that ends in _sync from async code; await the one without _sync"
        )


def _recorded_schema(fn: Callable[..., object], returns: object) -> Schema[object]:
    """The schema of what ``fn`` gives: as told, as annotated, or plain JSON."""
    form = returns
    if form is None:
        try:
            form = typing.get_type_hints(fn, include_extras=True).get("return", object)
        except (NameError, TypeError, AttributeError):
            form = object
    return schema_for(cast("TypeForm[object]", form))
