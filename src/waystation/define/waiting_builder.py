"""The methods of a builder that wait: for a time, or for an event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, overload

from typing_extensions import TypeForm, TypeVar

from waystation.define.answers import Moment, Span, Truth
from waystation.define.context import FlowContext
from waystation.define.drafts import UNSET, Part, SleepPart, Uncommitted, WaitPart

if TYPE_CHECKING:
    from waystation.define.builder import Builder

In = TypeVar("In")
Out = TypeVar("Out")
X = TypeVar("X")
Cur_co = TypeVar("Cur_co", covariant=True)


@dataclass(frozen=True, eq=False, repr=False)
class WaitingBuilder(Uncommitted, Generic[In, Out, Cur_co]):
    """A part of ``Builder``: see there."""

    @overload
    def sleep(
        self, duration: timedelta | Callable[[Cur_co], Span], /, *, id: str | None = None
    ) -> Builder[In, Out, Cur_co]: ...
    @overload
    def sleep(
        self, duration: Callable[[Cur_co, FlowContext], Span], /, *, id: str | None = None
    ) -> Builder[In, Out, Cur_co]: ...
    def sleep(self, duration: object, /, *, id: str | None = None) -> Builder[In, Out, Cur_co]:
        """Wait, and pass on what reached the node. Meanwhile the run holds no task, thread, timer or memory.

        The time at which it ends is recorded when it begins: a restart does not make it longer.

        Arguments:
            duration: how long, zero or more; or a function of the value that tells.
            id: the node's id; by default ``sleep-after-`` and the id of the node before it (``sleep-at-start`` for the
                first).
        """
        return self._next(SleepPart("sleep", duration, id))

    @overload
    def sleep_until(
        self, time: datetime | Callable[[Cur_co], Moment], /, *, id: str | None = None
    ) -> Builder[In, Out, Cur_co]: ...
    @overload
    def sleep_until(
        self, time: Callable[[Cur_co, FlowContext], Moment], /, *, id: str | None = None
    ) -> Builder[In, Out, Cur_co]: ...
    def sleep_until(self, time: object, /, *, id: str | None = None) -> Builder[In, Out, Cur_co]:
        """As ``sleep``, until a moment; one that has passed is no wait.

        Arguments:
            time: a moment with a time zone; or a function of the value that tells.
            id: as for ``sleep``.
        """
        return self._next(SleepPart("sleep_until", time, id))

    @overload
    def wait_for(
        self,
        event: str,
        type_: TypeForm[X],
        /,
        *,
        match: Callable[[X], Truth] | None = None,
        timeout: timedelta | None = None,
        default: X = ...,
        id: str | None = None,
    ) -> Builder[In, Out, X]: ...
    @overload
    def wait_for(
        self,
        event: str,
        type_: TypeForm[X],
        /,
        *,
        match: Callable[[X, Cur_co], Truth],
        timeout: timedelta | None = None,
        default: X = ...,
        id: str | None = None,
    ) -> Builder[In, Out, X]: ...
    @overload
    def wait_for(
        self,
        event: str,
        type_: TypeForm[X],
        /,
        *,
        match: Callable[[X], Truth] | None = None,
        timeout: timedelta,
        default: None,
        id: str | None = None,
    ) -> Builder[In, Out, X | None]: ...
    @overload
    def wait_for(
        self,
        event: str,
        type_: TypeForm[X],
        /,
        *,
        match: Callable[[X, Cur_co], Truth],
        timeout: timedelta,
        default: None,
        id: str | None = None,
    ) -> Builder[In, Out, X | None]: ...
    def wait_for(
        self,
        event: str,
        type_: object,
        /,
        *,
        match: object = None,
        timeout: object = None,
        default: object = UNSET,
        id: str | None = None,
    ) -> Builder[In, Out, object]:
        """Park the run until an event comes; the next node gets the event's data.

        Events are sent by ``run.send_event`` and ``app.send_event``. One that comes before the run is here is kept,
        and taken when it is.

        Arguments:
            event: the event's name. All that wait for one event in a workflow, nested ones too, take the same type.
            type_: the type of its data.
            match: takes the data, or the data and what reached the node; only an event for which it is true ends the
                wait, others are left alone.
            timeout: how long to wait at most, more than zero. When it is over the run fails with ``EventTimeout``,
            default: or goes on with this: a value of the type, or None.
            id: the node's id; by default ``wait-`` and the event's name.

        Example:
            ``.wait_for("paid", Payment, match=lambda paid, order: paid.order == order.id, timeout=timedelta(days=3))``
        """
        return self._next(WaitPart(event, type_, match, timeout, default, id))

    def _next(self, part: Part) -> Builder[In, Out, Any]:
        # What comes next is of whatever type the method that calls this says.
        from waystation.define.builder import Builder  # which builds on this class

        return Builder[In, Out, Any](self.draft.with_part(part))
