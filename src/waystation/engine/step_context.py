"""The ``StepContext`` that a step function is really given."""

from __future__ import annotations

import asyncio
import inspect
import logging
import typing
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Never, TypeVar, cast

from typing_extensions import TypeForm

from waystation.core.addresses import number_of
from waystation.core.signals import RunStep
from waystation.define.context import StepContext, SyncTransaction, Transaction
from waystation.define.executable import Executable
from waystation.define.nodes import UNDO
from waystation.define.step import AnyStep
from waystation.engine.access import RunAccess, StepControl, load_result
from waystation.engine.run_state import StateView, context_data
from waystation.engine.transaction_blocks import Block, Blocking, leave
from waystation.engine.turns import StepTransaction
from waystation.errors import (
    DataError,
    InvalidInput,
    InvalidOutput,
    InvalidRecordedValue,
    InvalidSuspendPayload,
    StepError,
    SuspendNotAllowed,
    TransactionMisused,
)
from waystation.schema import Schema, schema_for

T = TypeVar("T")

_log = logging.getLogger("waystation.step")
_ANYTHING = schema_for(object)


class StepEnd(BaseException):
    """Ends a step function that called ``suspend``, ``bail`` or ``abort``. Not an ``Exception``: ``except Exception``
    lets it through."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a step asked to end.

    Attributes:
        kind: what it called.
        data: the payload or result, as JSON; empty for an abort.
        text: the label of a suspension, or the reason of an abort.
    """

    kind: Literal["suspend", "bail", "abort"]
    data: bytes = b""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a step can reach that is not of its run."""

    run_id: str
    workflow_id: str
    agents: Mapping[str, object]
    tools: Mapping[str, object]
    scope_output: Schema[object]


class RunningStep(StepContext[object, object, object]):
    """One attempt of one step.

    Attributes:
        ending: how it asked to end, once it did.
        control: by which the driver tells it that the run is cancelled.
        is_over: whether it has ended.
    """

    def __init__(
        self,
        access: RunAccess,
        action: RunStep,
        step: AnyStep,
        surroundings: Surroundings,
        *,
        control: StepControl,
        value: object,
        state: StateView,
        resume_data: object,
        suspend_data: object,
    ) -> None:
        self.run_id = surroundings.run_id
        self.workflow_id = surroundings.workflow_id
        self.step_id = step.id
        self.address = action.address
        self.attempt = action.attempt
        self.iteration = number_of(action.address)
        self.idempotency_key = f"{surroundings.run_id}:{action.address}"
        self.agents = surroundings.agents
        self.tools = surroundings.tools
        self.ending: Ending | None = None
        self.control = control
        self._scope_output = surroundings.scope_output
        self._access = access
        self._address = action.address
        self._step = step
        self._value = value
        self._state = state
        self._resume_data = resume_data
        self._suspend_data = suspend_data
        self._recording: dict[str, asyncio.Future[bytes]] = {}
        self._transaction: StepTransaction | None = None
        self._has_transaction = False
        self.is_over = False
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
    def request_context(self) -> Mapping[str, object]:  # type: ignore[override]  # read when first asked for: most steps do not
        """See ``StepContext``."""
        return context_data(self._access.context())

    @property
    def input(self) -> object:
        """See ``StepContext``."""
        return self._value

    @property
    def resume_data(self) -> object:
        """See ``StepContext``."""
        return self._resume_data

    @property
    def suspend_data(self) -> object:
        """See ``StepContext``."""
        return self._suspend_data

    # ------------------------------------------------------------------ run state

    @property
    def state(self) -> object:
        """See ``StepContext``."""
        return self._state.value()

    async def set_state(self, /, **changes: object) -> None:
        """See ``StepContext``."""
        self._state.change(changes)

    def set_state_sync(self, /, **changes: object) -> None:
        """See ``StepContext``."""
        self._state.change(changes)

    def state_changes(self) -> Mapping[str, bytes]:
        """What this attempt changed of the run state, as JSON by key."""
        return self._state.changes

    # ------------------------------------------------------------------ what ends the step

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
            data = schema.dump(payload)
        except DataError as error:
            raise error.located(InvalidSuspendPayload, workflow_id=self.workflow_id, address=self.address) from None
        self._end(Ending("suspend", data, label))

    def bail(self, result: object) -> Coroutine[None, None, Never]:
        """See ``StepContext``. Raises when called, as ``suspend`` does."""
        self.bail_sync(result)

    def bail_sync(self, result: object) -> Never:
        """See ``StepContext``."""
        try:
            data = self._scope_output.dump(self._scope_output.validate(result))
        except DataError as error:
            raise error.located(InvalidOutput, workflow_id=self.workflow_id, address=self.address) from None
        self._end(Ending("bail", data))

    def abort(self, reason: str = "") -> Coroutine[None, None, Never]:
        """See ``StepContext``. Raises when called, as ``suspend`` does."""
        self.abort_sync(reason)

    def abort_sync(self, reason: str = "") -> Never:
        """See ``StepContext``."""
        self._end(Ending("abort", text=reason))

    def _end(self, ending: Ending) -> Never:
        if self.address.endswith(UNDO):
            raise StepError(
                f"step {self.step_id!r} called {ending.kind}() while it undoes {self.address.removesuffix(UNDO)!r}: "
                "the run is ending already; let it return or raise"
            )
        self.ending = ending
        raise StepEnd

    async def cancelled(self) -> None:
        """See ``StepContext``."""
        await self.control.cancelled()

    @property
    def is_cancelled(self) -> bool:
        """See ``StepContext``."""
        return self.control.is_cancelled

    # ------------------------------------------------------------------ output and transactions

    async def write(self, chunk: object) -> None:
        """See ``StepContext``."""
        self._access.write(self._address, self.attempt, _ANYTHING.dump(chunk))

    def write_sync(self, chunk: object) -> None:
        """See ``StepContext``."""
        self._on_loop(self.write(chunk))

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """See ``StepContext``."""
        return self._transacting()

    @asynccontextmanager
    async def _transacting(self) -> AsyncGenerator[Transaction]:
        if self._has_transaction:
            raise TransactionMisused(f"step {self.step_id!r} opened a second transaction; a step has one, at its end")
        self._has_transaction = True  # before the wait for it: in a gather the second would wait for ever
        block: Block | None = None
        try:
            self._transaction = transaction = await self._open_transaction()
            block = Block(self.step_id, transaction)
            yield block
        except BaseException:
            self._has_transaction = False
            if (left := self.take_transaction()) is not None:
                await left.roll_back()
            raise
        finally:
            if block is not None:
                block.is_over = True

    async def _open_transaction(self) -> StepTransaction:
        transaction = await self._access.begin_transaction()
        if self.is_over:  # it was asked for by a task that the step did not wait for, and nobody would end it
            await transaction.roll_back()
            raise TransactionMisused(f"step {self.step_id!r} had ended before its transaction was open")
        return transaction

    def transaction_sync(self) -> AbstractContextManager[SyncTransaction]:
        """See ``StepContext``."""
        return self._transacting_sync()

    @contextmanager
    def _transacting_sync(self) -> Generator[SyncTransaction]:
        entered = self._transacting()
        transaction = self._on_loop(entered.__aenter__())
        try:
            yield Blocking(lambda sql, parameters: self._on_loop(transaction.execute(sql, parameters)))
        except BaseException as error:
            self._on_loop(leave(entered, error))
            raise
        self._on_loop(leave(entered, None))

    def take_transaction(self) -> StepTransaction | None:
        """The transaction that is still open, for whoever ends it with the step."""
        transaction, self._transaction = self._transaction, None
        return transaction

    # ------------------------------------------------------------------ once

    async def once(self, name: str, fn: Callable[[], object], *, returns: object = None) -> Any:  # noqa: ANN401  (its two typed forms are StepContext's)
        """See ``StepContext``."""
        schema = _recorded_schema(fn, returns)
        found = await self._access.recorded(self._address, name)
        if found is not None:
            return schema.load(found)
        self._check_no_transaction(name)
        if name in self._recording:
            # The same effect is under way in this very attempt (say, in a gather): there is one call, and one record.
            return schema.load(await asyncio.shield(self._recording[name]))
        self._recording[name] = self._loop.create_future()
        try:
            await self._access.owning.check()
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

    def once_sync(self, name: str, fn: Callable[[], object], *, returns: object = None) -> Any:  # noqa: ANN401  (its two typed forms are StepContext's)
        """See ``StepContext``."""
        schema = _recorded_schema(fn, returns)
        found = self._on_loop(self._access.recorded(self._address, name))
        if found is None:
            self._check_no_transaction(name)
            self._on_loop(self._access.owning.check())
            found = self._dump_recorded(name, schema, fn())
            self._on_loop(self._access.record(self._address, name, found))
        return schema.load(found)

    def _dump_recorded(self, name: str, schema: Schema[T], result: T) -> bytes:
        try:
            return schema.dump(result)
        except DataError as error:
            place = f"{self.address} once({name!r})"
            raise error.located(InvalidRecordedValue, workflow_id=self.workflow_id, address=place) from None

    def _check_no_transaction(self, name: str) -> None:
        if self._has_transaction:
            # The record is a commit of its own, which would wait for the very transaction that waits for it.
            raise TransactionMisused(
                f"step {self.step_id!r} called once({name!r}) with a transaction open; do it before"
            )

    # ------------------------------------------------------------------ the rest of the run

    async def get_step_result(self, step: Executable[Never, T] | str) -> Any:  # noqa: ANN401  (its two typed forms are StepContext's)
        """See ``StepContext``."""
        return await load_result(self._access, self._address, step)

    def get_step_result_sync(self, step: Executable[Never, T] | str) -> Any:  # noqa: ANN401  (its two typed forms are StepContext's)
        """See ``StepContext``."""
        return self._on_loop(self.get_step_result(step))

    async def get_init_data(self, type_: TypeForm[T]) -> T:
        """See ``StepContext``."""
        try:
            return schema_for(type_).load(await self._access.scope_input(self._address))
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
