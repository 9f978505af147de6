"""The machine: the rules of a run, and nothing but the rules. It decides.

Theory of operation
-------------------
A run is its journal. ``Fold.apply`` folds one entry into the state; it is the only thing that changes the state.
``handle`` takes a signal (a step ended, someone answered, ...), decides which entries record it, and applies them.
The driver then makes these entries durable, and only after that asks ``take_actions`` what to do next. So:

- *durable before visible*: an action exists only because of an entry, and is handed out after its commit;
- *nothing runs twice*: a finished step has no frame, so no action for it can come about;
- live and recovered runs agree: both are the same fold of the same entries.

A run that fails or is cancelled first lets end what is in flight, then runs the compensations of its completed steps,
the last one first, and only then ends. Each of these is an entry, so a crash in the middle goes on from there.

``handle`` applies what it decided at once, so many signals can go into one commit. If that commit is refused
(someone else appended first), the machine is thrown away, restored from the store, and the signals are handled
anew. A signal that no longer fits what it finds is answered with no entries: it lost a race, which is no error.

No clock, no chance, no I/O: signals bring times and chances with them. The graph is only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from waystation.core import signals
from waystation.core.addresses import ROOT, Address
from waystation.core.decisions import DECIDE
from waystation.core.entries import AnyEntry, RunCancelled, RunFailed, RunSucceeded, StepSuspended, UndoBegun
from waystation.core.fold import Fold
from waystation.core.refs import Millis, Ref, Seq
from waystation.core.state import (
    BlockFrame,
    ForeachFrame,
    Frame,
    LoopFrame,
    MapFrame,
    ScopeFrame,
    SleepFrame,
    State,
    StepFrame,
    WaitFrame,
    is_busy,
)
from waystation.define.nodes import Graph


class Machine:
    """One run: its graph, its state, and what can be done next.

    Attributes:
        graph: the definition it follows.
        state: where it stands. Read it; only the fold writes it.
        values: the values that frames refer to, by seq.
        asked: the entries of open suspensions, by seq, as far as they are known here: of others see the journal.
        stepping: where a run goes step by step, the step that was handed out last. Not recorded: whoever has it under
            way while the machine is made anew tells the new one.
    """

    def __init__(self, graph: Graph, state: State | None = None) -> None:
        self._fold = Fold(graph, state)
        self._flow = self._fold.flow
        self.graph = graph
        self.state = self._fold.state
        self.values = self._fold.values
        self.asked: Mapping[Seq, StepSuspended] = self._fold.asked
        self.stepping: Address | None = None
        self._renew()

    # ------------------------------------------------------------------ folding

    def apply(self, entry: AnyEntry) -> None:
        """Fold one entry, the next of the journal, into the state.

        Raises:
            JournalMisfit: the entry cannot follow what came before it, under this graph.
        """
        self._fold.apply(entry)

    def restore(self, entries: Iterable[AnyEntry]) -> None:
        """Fold entries that are already durable. Raises ``JournalMisfit`` as ``apply`` does."""
        for entry in entries:
            self._fold.apply(entry)
        self.settled()
        self._renew()

    def _renew(self) -> None:
        """Whatever is under way by the state can be begun: nothing is known to be in flight."""
        self._flow.fresh = list(self.state.frames)
        if self.state.output is not None and self.state.standing == "running":
            self._flow.fresh.append(ROOT)

    def tell_of_outputs(self, told: Callable[[Address, Ref], None]) -> None:
        """Have ``told`` called with each node that is done from now on, and what it gave."""
        self._flow.on_complete = told

    # ------------------------------------------------------------------ deciding

    def handle(self, signal: signals.Signal) -> list[AnyEntry]:
        """The entries that record ``signal``, already applied; none if it no longer fits."""
        entries: list[AnyEntry] = []
        # One after another: what an entry brings about may make the next one pointless, and then it is not given.
        apply = self._fold.apply
        for entry in DECIDE[type(signal)](self, signal):
            apply(entry)
            entries.append(entry)
        if entries:
            while (ending := self._ending(signal.at)) is not None:
                apply(ending)
                entries.append(ending)
        return entries

    def _ending(self, at: Millis) -> AnyEntry | None:
        """The entry that ends the run, or begins to undo it, if nothing is left to do that could change how it ends."""
        state = self.state
        if state.standing == "pending" and state.cancel:
            return RunCancelled(at=at)
        if state.standing != "running":
            return None
        if state.failure is not None or state.cancel:
            if state.frames:
                return None
            if state.undoable and not state.unwinding:
                return UndoBegun(at=at)
            undo_errors = tuple(state.undo_errors)
            if state.failure is not None:
                return RunFailed(at=at, error=state.failure, undo_errors=undo_errors)
            return RunCancelled(at=at, undo_errors=undo_errors)
        if state.output is not None and (self.graph.output_is_last or state.bailed):
            return RunSucceeded(at=at, result=state.output)
        return None

    def wake(self, now: Millis) -> bool:
        """Let the attempts begin whose time has come; whether a sleep or wait is over too, which is a signal
        (``Woken``), as it is recorded."""
        over = False
        if self.state.idle:
            for address, frame in self.state.frames.items():
                if isinstance(frame, StepFrame):
                    if frame.phase == "waiting" and frame.retry_at <= now:
                        self._fold.wake(address)
                elif (at := _wakes_at(frame)) is not None and at <= now:
                    over = True
        return over

    def attempt_began(self, address: Address) -> None:
        """Whoever drives the run has begun the next attempt of the step at ``address``: so its time had come, which is
        not recorded."""
        frame = self.step_frame(address)
        if frame is not None and frame.phase == "waiting":
            self._fold.wake(address)

    def ask_again(self, address: Address) -> None:
        """What was asked at ``address`` came to nothing, as another wait has taken the event: ask about those that came
        meanwhile, if there are any."""
        self._flow.fresh.append(address)

    # ------------------------------------------------------------------ asking

    def take_actions(self) -> list[signals.Action]:
        """What there is to do since this was last asked. Call it only once the entries are durable."""
        actions: list[signals.Action] = []
        # A step may have become possible twice since the last asking (woken, then answered): it is one action.
        fresh, self._flow.fresh = self._flow.fresh, []
        state = self.state
        if state.standing != "running" or (state.cancel and not state.unwinding):
            return actions
        for address in fresh if len(fresh) == 1 else dict.fromkeys(fresh):
            action = self._action(address)
            if state.permits is not None and isinstance(action, signals.RunStep) and not self._may_step(address):
                self._flow.fresh.append(address)
            elif action is not None:
                actions.append(action)
        return actions

    def lacks_values(self) -> bool:
        """Whether there may be something to do, and a value has to be read for it first (``values.missing``)."""
        return bool(self.values.wanted and self._flow.fresh and not self.is_cancelling())

    def _action(self, address: Address) -> signals.Action | None:
        if address == ROOT:
            output = self.state.output
            return None if output is None else signals.CheckOutput(output)
        frame = self.state.frames.get(address)
        if isinstance(frame, StepFrame):
            if frame.phase != "ready":
                return None
            return signals.RunStep(
                address, frame.attempt, frame.input, frame.suspension, frame.answer, frame.first_began
            )
        if frame is None or not is_busy(frame):
            return None
        match frame:
            case LoopFrame():
                assert frame.output is not None, "else there is nothing to decide"
                return signals.Decide(address, frame.output, frame.turn)
            case ScopeFrame():
                assert frame.output is not None, "else there is nothing to check"
                return signals.CheckOutput(frame.output, address)
            case WaitFrame() if not frame.timing:
                return signals.MatchEvents(address, frame.input, tuple(frame.untried))
            case BlockFrame() | ForeachFrame() | MapFrame() | SleepFrame() | WaitFrame():
                return signals.Decide(address, frame.input)

    def _may_step(self, address: Address) -> bool:
        """Whether the step may begin now: the run goes step by step."""
        if self.stepping is not None and self.stepping != address:
            stepping = self.step_frame(self.stepping)
            if stepping is not None and stepping.phase != "suspended":
                return False
        if self.state.permits == 0:
            return False
        self.stepping = address
        return True

    def is_cancelling(self) -> bool:
        """Whether the run is cancelled and only what is in flight goes on."""
        return bool(self.state.cancel) and not self.state.unwinding

    def is_paused(self) -> bool:
        """Whether the run goes step by step, and what is left to do now is to begin the next step."""
        state = self.state
        if state.permits != 0 or not state.busy or state.standing != "running" or self.is_cancelling():
            return False
        ready = sum(isinstance(frame, StepFrame) and frame.phase == "ready" for frame in state.frames.values())
        return ready == state.busy

    def is_at_rest(self) -> bool:
        """Whether nothing is left to do now: the run has ended, or waits, or is paused."""
        state = self.state
        return state.standing != "running" or state.busy == 0 or (state.permits == 0 and self.is_paused())

    def is_alone(self) -> bool:
        """Whether just one thing is to be done, and nothing else could come in between but an order from outside."""
        return self.state.busy == 1 and self.state.idle == 0

    def settled(self) -> tuple[Sequence[tuple[Seq, Address]], Sequence[Seq]]:
        """The suspensions opened and closed since this was last asked; one both opened and closed is in neither."""
        opened, closed = self._fold.opened, self._flow.closed
        if not opened and not closed:
            return (), ()
        self._fold.opened, self._flow.closed = [], []
        for seq in closed:
            self._fold.asked.pop(seq, None)
        return _without_both(opened, closed) if opened and closed else (opened, closed)

    def next_wake(self) -> Millis | None:
        """The earliest time at which the run goes on by itself."""
        if not self.state.idle:
            return None
        times = [at for frame in self.state.frames.values() if (at := _wakes_at(frame)) is not None]
        return min(times, default=None)

    def waits_for_event(self) -> bool:
        """Whether an event could move the run on."""
        return any(isinstance(frame, WaitFrame) for frame in self.state.frames.values())

    def suspensions(self) -> dict[Address, Seq]:
        """The open suspensions: address to seq."""
        if not self.state.idle:
            return {}
        return {
            address: frame.suspension
            for address, frame in self.state.frames.items()
            if isinstance(frame, StepFrame) and frame.phase == "suspended"
        }

    def ready_steps(self) -> dict[Address, StepFrame]:
        """The steps that run, or should."""
        return {
            address: frame
            for address, frame in self.state.frames.items()
            if isinstance(frame, StepFrame) and frame.phase == "ready"
        }

    def step_frame(self, address: Address) -> StepFrame | None:
        """The frame of a step that was entered and is not done."""
        frame = self.state.frames.get(address)
        return frame if isinstance(frame, StepFrame) else None


def _without_both(
    opened: Sequence[tuple[Seq, Address]], closed: Sequence[Seq]
) -> tuple[Sequence[tuple[Seq, Address]], Sequence[Seq]]:
    both = {seq for seq, _ in opened} & set(closed)
    return [pair for pair in opened if pair[0] not in both], [seq for seq in closed if seq not in both]


def _wakes_at(frame: Frame) -> Millis | None:
    match frame:
        case StepFrame() if frame.phase == "waiting":
            return frame.retry_at
        case SleepFrame():
            return frame.until
        case WaitFrame() if not frame.untried:  # kept events are tried before the time is looked at
            return frame.until
        case _:
            return None
