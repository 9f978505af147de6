"""What a step may ask of the run it is part of."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Generic, Never, Protocol, overload

from typing_extensions import TypeForm, TypeVar

from waystation.define.executable import Executable

T = TypeVar("T")
Suspend = TypeVar("Suspend", default=None)
Resume_co = TypeVar("Resume_co", covariant=True, default=None)
State_co = TypeVar("State_co", covariant=True, default=Mapping[str, object])


class Transaction(Protocol):
    """Writes that are committed together with a step's result; see ``StepContext.transaction``."""

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[tuple[object, ...]]:
        """Run one statement in the store's database; gives its rows, if it has any.

        Arguments:
            sql: the statement, with the placeholders of the database: ``?`` for SQLite, ``$1`` for PostgreSQL.
            parameters: what fills the placeholders.
        """
        ...


class SyncTransaction(Protocol):
    """``Transaction`` for a step function that is not ``async``."""

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[tuple[object, ...]]:
        """Run one statement in the store's database; gives its rows, if it has any."""
        ...


class StepContext(ABC, Generic[Suspend, Resume_co, State_co]):
    """Handed to a step function that takes a second argument: ``StepContext[Ask, Decision]``.

    The first two types are those of ``@step(suspend=Ask, resume=Decision)``; a step that never suspends writes plain
    ``StepContext``. A third is the type that the step reads the run state as: ``StepContext[Ask, Decision, Cart]``,
    or ``StepContext[None, None, Cart]``. Methods that end in ``_sync`` are for step functions that are not ``async``.

    Attributes:
        run_id: the run.
        workflow_id: its workflow.
        step_id: this step.
        address: this step's place in the run; the same as ``step_id`` unless it is nested.
        attempt: which attempt this is, from 1; kept across restarts.
        iteration: in a foreach the number of the item, from 0; in a loop that of the turn, from 1; of the innermost
            one, and 0 if the step is in neither.
        idempotency_key: names this step of this run, the same on every attempt and after every restart: give it
            to services that drop repeated requests.
        request_context: what the run was started with beside its input: a tenant, a user, a locale.
        agents: the app's agents by name.
        tools: the app's tools by name.
        logger: a logger whose records carry the run and the address.
    """

    run_id: str
    workflow_id: str
    step_id: str
    address: str
    attempt: int
    iteration: int
    idempotency_key: str
    request_context: Mapping[str, object]
    agents: Mapping[str, object]
    tools: Mapping[str, object]
    logger: logging.LoggerAdapter[logging.Logger]

    # ----------------------------------------------------------------------- data

    @property
    @abstractmethod
    def input(self) -> object:
        """The value the step was given; the same one that its function takes first."""

    @property
    @abstractmethod
    def resume_data(self) -> Resume_co | None:
        """The answer, when the step runs again after a suspension; None before."""

    @property
    @abstractmethod
    def suspend_data(self) -> Suspend | None:
        """What the step last gave to ``suspend``, when it runs again; None before."""

    @property
    @abstractmethod
    def state(self) -> State_co:
        """The run state as this step sees it: what earlier steps left, and its own changes so far.

        Of the type that the step declares (``StepContext[Ask, Decision, Cart]`` or ``@step(state=Cart)``); plain data
        for a step that declares none. Each reading gives a value of its own: changing it changes nothing, use
        ``set_state``.

        Raises:
            InvalidState: the state does not fit the step's type.
        """

    @abstractmethod
    async def set_state(self, /, **changes: object) -> None:
        """Merge ``changes`` into the run state, key by key.

        This step's own ``state`` shows them at once. They are recorded together with the step's result and are seen
        by steps that begin after that; if the attempt fails, they are dropped. Of steps that run side by side and
        set the same key, the one that ends last decides.

        Arguments:
            changes: new values by key; what is not named stays.

        Raises:
            InvalidState: the state with the changes would not fit its type; nothing was changed.

        Example:
            ``await ctx.set_state(count=ctx.state.count + 1)``
        """

    @abstractmethod
    def set_state_sync(self, /, **changes: object) -> None:
        """``set_state`` for a step function that is not ``async``."""

    @overload
    async def get_step_result(self, step: Executable[Never, T]) -> T | None: ...
    @overload
    async def get_step_result(self, step: str) -> object: ...
    @abstractmethod
    async def get_step_result(self, step: Executable[Never, T] | str) -> T | object | None:
        """The output of another step of this run, or None if it has not succeeded.

        It is looked for in the workflow, item or turn that this step is in, then in those around it.

        Arguments:
            step: a step, a nested workflow, or the id of either (then the output is plain JSON data).
        """

    @overload
    def get_step_result_sync(self, step: Executable[Never, T]) -> T | None: ...
    @overload
    def get_step_result_sync(self, step: str) -> object: ...
    @abstractmethod
    def get_step_result_sync(self, step: Executable[Never, T] | str) -> T | object | None:
        """``get_step_result`` for a step function that is not ``async``."""

    @abstractmethod
    async def get_init_data(self, type_: TypeForm[T]) -> T:
        """The input of the workflow that the step is written in (the nested one, if it is in one), as ``type_``.

        Raises:
            InvalidInput: it does not fit that type.
        """

    @abstractmethod
    def get_init_data_sync(self, type_: TypeForm[T]) -> T:
        """``get_init_data`` for a step function that is not ``async``."""

    # ----------------------------------------------------------------------- what ends the step

    @abstractmethod
    def suspend(self, payload: Suspend, *, label: str = "") -> Coroutine[None, None, Never]:
        """Park the run until someone answers. Never returns: the step ends here.

        Once the payload is recorded, the run holds no task, thread or memory. When the answer comes, in this
        process or another, the step function runs again from its top, with ``resume_data``; wrap what must not
        happen twice in ``once``.

        Arguments:
            payload: what the person needs to know; the step's suspend type.
            label: a name to answer this suspension by.

        Raises:
            InvalidSuspendPayload: the payload does not fit; the step fails.
            SuspendNotAllowed: the step was declared without ``suspend=`` and ``resume=``.

        Example:
            ``await ctx.suspend(Ask(reason="Approve DOC-1"))``
        """

    @abstractmethod
    def suspend_sync(self, payload: Suspend, *, label: str = "") -> Never:
        """``suspend`` for a step function that is not ``async``."""
        raise NotImplementedError

    @abstractmethod
    def bail(self, result: object) -> Coroutine[None, None, Never]:
        """End the workflow that the step is written in, with ``result`` as its output. Never returns.

        It is the nested workflow that ends, if the step is in one: then the workflow around it goes on. Steps that
        run beside this one are cancelled, items and turns not begun never are. The end is recorded in one write.

        Arguments:
            result: of that workflow's output type.

        Raises:
            InvalidOutput: ``result`` does not fit the workflow's output type; the step fails.

        Example:
            ``if not order.lines: await ctx.bail(Receipt(total=0))``
        """

    @abstractmethod
    def bail_sync(self, result: object) -> Never:
        """``bail`` for a step function that is not ``async``."""
        raise NotImplementedError

    @abstractmethod
    def abort(self, reason: str = "") -> Coroutine[None, None, Never]:
        """Cancel the whole run, also from inside a nested workflow. Never returns.

        As if someone had called ``run.cancel()``: what is under way is stopped, compensations run, and the run ends
        as ``cancelled``.

        Arguments:
            reason: kept in the journal, for people.
        """

    @abstractmethod
    def abort_sync(self, reason: str = "") -> Never:
        """``abort`` for a step function that is not ``async``."""
        raise NotImplementedError

    # ----------------------------------------------------------------------- cancellation

    @abstractmethod
    async def cancelled(self) -> None:
        """Return once the run is being cancelled, or a sibling has bailed: to be raced against long work.

        A step that heeds it may tidy up and return or raise; one that does not is stopped when its time of grace is
        over.

        Example:
            ``done, _ = await asyncio.wait({work, asyncio.ensure_future(ctx.cancelled())}, return_when=...)``
        """

    @property
    @abstractmethod
    def is_cancelled(self) -> bool:
        """Whether ``cancelled()`` would return at once; for a loop in a step function that is not ``async``, whose
        thread cannot be stopped from outside."""

    # ----------------------------------------------------------------------- effects

    @abstractmethod
    async def write(self, chunk: object) -> None:
        """Send a chunk to those who follow the run: a token, a row, a percentage.

        Chunks come in the order they were written. They are in the journal within about 50 ms, and at the latest
        with the step's end; a crash before that loses them, and the attempt that follows writes its own.

        Arguments:
            chunk: plain JSON data.

        Raises:
            DataError: it is no JSON.
        """

    @abstractmethod
    def write_sync(self, chunk: object) -> None:
        """``write`` for a step function that is not ``async``."""

    # Two forms: with one, ``returns=None`` would let a type checker make None a part of T.
    @overload
    async def once(self, name: str, fn: Callable[[], Awaitable[T]]) -> T: ...
    @overload
    async def once(self, name: str, fn: Callable[[], T]) -> T: ...
    @overload
    async def once(self, name: str, fn: Callable[[], object], *, returns: TypeForm[T]) -> T: ...
    @abstractmethod
    async def once(self, name: str, fn: Callable[[], object], *, returns: object = None) -> object:
        """Call ``fn`` and record what it gives; when the step runs again, give the record and do not call.

        For side effects inside a step that must not be repeated on resume, retry or recovery. The record is
        durable when this returns. (A crash after ``fn`` and before the record repeats the call: pass
        ``idempotency_key`` on where even that matters.)

        Arguments:
            name: names the effect within this step.
            fn: takes nothing; sync or async.
            returns: the type of what it gives; needed when that is more than plain JSON and ``fn`` has no
                return annotation.

        Raises:
            InvalidRecordedValue: what it gave does not fit the type.
        """

    @overload
    def once_sync(self, name: str, fn: Callable[[], T]) -> T: ...
    @overload
    def once_sync(self, name: str, fn: Callable[[], object], *, returns: TypeForm[T]) -> T: ...
    @abstractmethod
    def once_sync(self, name: str, fn: Callable[[], object], *, returns: object = None) -> object:
        """``once`` for a step function that is not ``async``."""

    @abstractmethod
    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Write to the store's own database, in one commit with this step's result: exactly once.

        What is written in the block and the step's result are committed together, or neither is: it is rolled back if
        the step fails, suspends, bails, aborts, is cut off or loses its run to another process. Keep the block short,
        and last in the step: until the step ends nothing else can be written to the store, not even that the run is to
        be cancelled. Tables of yours may have any name that does not begin with ``waystation_``: those are the
        store's, and can be read.

        Raises:
            TransactionsNotSupported: the store has no SQL database.
            TransactionMisused: a second one was opened, or one is used outside its block.

        Example:
            ``async with ctx.transaction() as tx: await tx.execute("UPDATE stock SET n = n - 1 WHERE id = ?", (id,))``
        """

    @abstractmethod
    def transaction_sync(self) -> AbstractContextManager[SyncTransaction]:
        """``transaction`` for a step function that is not ``async``."""


class FlowContext(ABC):
    """Handed to a function that decides something in the graph, if it takes a second argument: a condition, a switch's
    key, a map, a sleep's time, a foreach's concurrency.

    Attributes:
        run_id: the run.
        workflow_id: the workflow that the node is written in.
        address: the node's place in the run.
        iteration: for a loop's condition, the turns so far, from 1; else as in ``StepContext``.
        request_context: what the run was started with beside its input.
    """

    run_id: str
    workflow_id: str
    address: str
    iteration: int
    request_context: Mapping[str, object]

    @property
    @abstractmethod
    def state(self) -> Mapping[str, object]:
        """The run state as plain JSON data."""

    @overload
    async def get_step_result(self, step: Executable[Never, T]) -> T | None: ...
    @overload
    async def get_step_result(self, step: str) -> object: ...
    @abstractmethod
    async def get_step_result(self, step: Executable[Never, T] | str) -> T | object | None:
        """The output of a step that has run before, or None. See ``StepContext.get_step_result``."""

    @abstractmethod
    async def get_init_data(self, type_: TypeForm[T]) -> T:
        """The input of the workflow that the node is written in, as ``type_``."""
