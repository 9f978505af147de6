"""What a step may ask of the run it is part of."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Generic, Never, overload

from typing_extensions import TypeForm, TypeVar

if TYPE_CHECKING:
    from waystation.define.step import Step

T = TypeVar("T")
Suspend = TypeVar("Suspend", default=None)
Resume_co = TypeVar("Resume_co", covariant=True, default=None)


class StepContext(ABC, Generic[Suspend, Resume_co]):
    """Handed to a step function that takes a second argument: ``StepContext[Ask, Decision]``.

    The two types are those of ``@step(suspend=Ask, resume=Decision)``; a step that never suspends writes plain
    ``StepContext``. Methods that end in ``_sync`` are for step functions that are not ``async``.

    Attributes:
        run_id: the run.
        workflow_id: its workflow.
        step_id: this step.
        address: this step's place in the run; the same as ``step_id`` unless it is nested.
        attempt: which attempt this is, from 1; kept across restarts.
        idempotency_key: names this step of this run, the same on every attempt and after every restart: give it
            to services that drop repeated requests.
        agents: the app's agents by name.
        tools: the app's tools by name.
        logger: a logger whose records carry the run and the address.
    """

    run_id: str
    workflow_id: str
    step_id: str
    address: str
    attempt: int
    idempotency_key: str
    agents: Mapping[str, object]
    tools: Mapping[str, object]
    logger: logging.LoggerAdapter[logging.Logger]

    @property
    @abstractmethod
    def resume_data(self) -> Resume_co | None:
        """The answer, when the step runs again after a suspension; None before."""

    @property
    @abstractmethod
    def suspend_data(self) -> Suspend | None:
        """What the step last gave to ``suspend``, when it runs again; None before."""

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
    async def get_step_result(self, step: Step[Never, T]) -> T | None:
        """The output of another step of this run, or None if it has not succeeded."""

    @abstractmethod
    def get_step_result_sync(self, step: Step[Never, T]) -> T | None:
        """``get_step_result`` for a step function that is not ``async``."""

    @abstractmethod
    async def get_init_data(self, type_: TypeForm[T]) -> T:
        """The run's own input, as ``type_``."""

    @abstractmethod
    def get_init_data_sync(self, type_: TypeForm[T]) -> T:
        """``get_init_data`` for a step function that is not ``async``."""
