"""How a run moves through its graph: what is entered when a node is done, and how far a failure reaches.

Nothing is decided here and nothing is recorded: the fold calls this for what an entry brings about. Rules:

- Who finishes hands its output to what follows it in its sequence; the last of a sequence ends its workflow.
- A block is done when all its children are; a foreach when all its items are; a loop when its condition says so.
- A failure goes outwards, to the next ``allow_failure`` or to the run. On its way a block or foreach first lets end
  what is under way in it (running, or to be tried again), and gives up what waits for a person, a time or an event.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, takewhile
from typing import TypeVar

from waystation.core.addresses import Address, around, beside, inside, node_key, number_of, of_item, of_turn
from waystation.core.entries import ErrorRecord
from waystation.core.misfit import JournalMisfit
from waystation.core.nesting import outwards, quiet, scope_of
from waystation.core.refs import Joined, Listed, Null, Ref, Seq
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
    all_kept_refs,
    failing,
    is_busy,
    is_idle,
    item_of,
    kept_refs,
)
from waystation.core.values import Values
from waystation.define.nodes import (
    BranchNode,
    ForeachNode,
    Graph,
    LoopNode,
    MapNode,
    ParallelNode,
    Place,
    SequenceNode,
    SleepNode,
    StepNode,
    SwitchNode,
    WaitNode,
    WorkflowNode,
)

_F = TypeVar("_F", bound=Frame)


class Flow:
    """A run's frames and how they follow from one another.

    Attributes:
        graph: the definition the run follows.
        state: where it stands.
        values: the values that frames refer to, by seq.
        closed: suspensions given up; whoever makes that durable empties the list.
        fresh: addresses at which something can be done now; ``ROOT`` for the workflow's output.
        failing: blocks and foreachs that fail once nothing in them is under way.
        on_complete: told of each node that is done, and of what it gave; for those who look back.
    """

    def __init__(self, graph: Graph, state: State) -> None:
        self.graph = graph
        self.state = state
        self.values = Values()
        self.closed: list[Seq] = []
        self.fresh: list[Address] = []
        self.failing = frozenset(failing(state))
        self.on_complete: Callable[[Address, Ref], None] | None = None
        for ref in all_kept_refs(state):
            self.values.retain(ref)

    # ------------------------------------------------------------------ frames

    def put(self, address: Address, frame: Frame) -> None:
        """A node was entered."""
        self.state.frames[address] = frame
        for ref in kept_refs(frame):
            self.values.retain(ref)
        if is_busy(frame):
            self.state.busy += 1
            self.fresh.append(address)
        elif is_idle(frame):
            self.state.idle += 1

    def put_step(self, address: Address, ref: Ref) -> None:
        """A step was entered: as ``put``, but nothing need be asked."""
        self.state.frames[address] = StepFrame(input=ref)
        self.values.retain(ref)
        self.state.busy += 1
        self.fresh.append(address)

    def take(self, address: Address) -> Frame:
        """A node is done with; its values stay until ``let_go``."""
        frame = self.state.frames.pop(address)
        if self.failing:
            self.failing -= {address}
        if is_busy(frame):
            self.state.busy -= 1
        elif is_idle(frame):
            self.state.idle -= 1
        return frame

    def take_step(self, address: Address) -> None:
        """A step is done with, by an entry about it, which a ready step alone may have: as ``take``."""
        del self.state.frames[address]
        self.state.busy -= 1

    def let_go(self, frame: Frame) -> None:
        """Release what a frame that was taken away referred to."""
        if isinstance(frame, StepFrame) and not frame.suspension and not frame.once:
            self.values.release(frame.input)  # nearly every step; without a question there is no answer
            return
        for ref in kept_refs(frame):
            self.values.release(ref)

    def drop(self, address: Address) -> None:
        """Give up what a node was at; an open suspension is closed."""
        frame = self.take(address)
        if isinstance(frame, StepFrame) and frame.phase == "suspended":
            self.closed.append(frame.suspension)
        self.let_go(frame)

    def recount(self, address: Address, frame: Frame, *, was_busy: bool, was_idle: bool) -> None:
        """A frame has changed: keep the counts of those that are busy and idle."""
        busy = is_busy(frame)
        idle = not busy and is_idle(frame)
        self.state.busy += busy - was_busy
        self.state.idle += idle - was_idle
        if busy and not was_busy:
            self.fresh.append(address)

    def place(self, address: Address) -> Place:
        """The place of an address in the graph."""
        place = self.graph.places.get(node_key(address))
        if place is None:
            raise JournalMisfit(f"{address!r} has run, but the definition has no such step or block", address)
        return place

    # ------------------------------------------------------------------ forward

    def enter(self, address: Address, ref: Ref) -> None:
        """Begin the node at ``address`` with ``ref`` as its input."""
        node = self.place(address).node
        match node:
            case StepNode():
                self.put_step(address, ref)
            case WorkflowNode():
                self.put(address, ScopeFrame(input=ref))
                self.enter(inside(address, node.workflow.graph.root.children[0].id), ref)
            case ParallelNode():
                self.put(address, BlockFrame(input=ref, open=[child.id for child in node.children]))
                for child in node.children:
                    self.enter(beside(address, child.id), ref)
            case BranchNode() | SwitchNode():
                self.put(address, BlockFrame(input=ref))
            case ForeachNode():
                self.put(address, ForeachFrame(input=ref))
            case LoopNode():
                self.put(address, LoopFrame())
                self.enter(of_turn(address, 1, node.child.id), ref)
            case MapNode():
                self.put(address, MapFrame(input=ref))
            case SleepNode():
                self.put(address, SleepFrame(input=ref))
            case WaitNode():
                kept = list(self.state.events.get(node.event, ()))
                self.put(address, WaitFrame(input=ref, timing=node.timeout is not None, untried=kept))
            case SequenceNode():
                self.enter(Address(node.children[0].id), ref)

    def complete(self, address: Address, ref: Ref) -> None:
        """The node at ``address`` gave ``ref``: go on to what follows it."""
        place = self.place(address)
        if self.on_complete is not None:
            self.on_complete(address, ref)
        if place.next is not None:
            self.enter(beside(address, place.next), ref)
            return
        parent = self._parent(place)
        match parent:
            case SequenceNode():
                self._end(ref)
            case WorkflowNode():
                self._end_nested(around(address), parent, ref)
            case ParallelNode() | BranchNode():
                self._end_child(beside(address, parent.id), parent, place.node.id, ref)
            case SwitchNode():
                block = beside(address, parent.id)
                self._begun(block, BlockFrame, address)
                self.take(block)
                self.complete(block, ref)
            case ForeachNode():
                self._end_item(around(address), parent, number_of(address), ref)
            case LoopNode():
                loop = self._begun(around(address), LoopFrame, address)
                loop.output = ref
                self.values.retain(ref)
                self.recount(around(address), loop, was_busy=False, was_idle=False)
            case _:
                raise AssertionError(f"{address!r} is in {parent!r}, which holds nothing")

    def _end(self, ref: Ref) -> None:
        self.state.output = ref
        self.values.retain(ref)
        if not self.graph.output_is_last:
            self.state.busy += 1
            self.fresh.append(Address(""))

    def _end_nested(self, address: Address, node: WorkflowNode, ref: Ref) -> None:
        frame = self._begun(address, ScopeFrame, address)
        if node.workflow.graph.output_is_last:
            self.take(address)
            self.complete(address, ref)
        else:
            frame.output = ref
            self.values.retain(ref)
            self.recount(address, frame, was_busy=False, was_idle=False)

    def end_checked(self, address: Address) -> None:
        """The output of the nested workflow at ``address`` fits what it declares."""
        frame = self._begun(address, ScopeFrame, address)
        if frame.output is None:
            raise JournalMisfit(f"{address!r} has ended, but its last node has not", address)
        self.take(address)
        self.complete(address, frame.output)
        self.let_go(frame)

    def _end_child(self, address: Address, node: ParallelNode | BranchNode, child: str, ref: Ref) -> None:
        frame = self._begun(address, BlockFrame, Address(child))
        if frame.open is None or child not in frame.open:
            raise JournalMisfit(f"{child!r} is done, but its block {address!r} had not begun it", address)
        frame.open.remove(child)
        frame.outputs[child] = ref
        self.values.retain(ref)
        if not frame.open:
            self.join(address, frame, node)

    def join(self, address: Address, frame: BlockFrame, node: ParallelNode | BranchNode) -> None:
        """Every child of the block is done: its output is the object of theirs, in the order of the definition."""
        self.take(address)
        if frame.failure is not None:
            self.fail(address, frame.failure)
        else:
            parts = {child.id: frame.outputs[child.id] for child in node.children if child.id in frame.outputs}
            self.complete(address, Joined(parts=parts))
        self.let_go(frame)

    def _end_item(self, address: Address, node: ForeachNode, index: int, ref: Ref) -> None:
        frame = self._begun(address, ForeachFrame, address)
        if index >= len(frame.outputs) or frame.outputs[index] is not None:
            raise JournalMisfit(f"item {index} of {address!r} is done, but the foreach had not begun it", address)
        frame.outputs[index] = ref
        frame.open -= 1
        self.go_on(address, frame, node)

    def go_on(self, address: Address, frame: ForeachFrame, node: ForeachNode) -> None:
        """Begin as many items as may be under way; end the foreach once there are no more."""
        if frame.failure is None:
            while frame.open < frame.concurrency and frame.next < frame.count:
                index = frame.next
                frame.next += 1
                frame.open += 1
                self.enter(of_item(address, index, node.child.id), item_of(frame.input, index))
        if frame.open:
            return
        self.take(address)
        if frame.failure is not None:
            self.fail(address, frame.failure)
        else:
            self.complete(address, Listed(tuple(ref for ref in frame.outputs if ref is not None)))
        self.let_go(frame)

    # ------------------------------------------------------------------ failure, and giving up

    def fail(self, address: Address, error: ErrorRecord) -> None:
        """The node at ``address``, whose frame is gone, failed: tell what it is in."""
        place = self.place(address)
        parent = self._parent(place)
        match parent:
            case SequenceNode():
                self.state.failure = self.state.failure or error
            case ParallelNode() if parent.allow_failure:
                self._end_child(beside(address, parent.id), parent, place.node.id, Null())
            case ParallelNode() | BranchNode():
                block = beside(address, parent.id)
                frame = self._begun(block, BlockFrame, address)
                assert frame.open is not None, "a child of a block that is not decided was not begun"
                frame.open.remove(place.node.id)
                self._will_fail(block, frame, error)
                if not frame.open:
                    self.join(block, frame, parent)
            case ForeachNode():
                each = self._begun(around(address), ForeachFrame, address)
                each.open -= 1
                self._will_fail(around(address), each, error)
                self.go_on(around(address), each, parent)
            case WorkflowNode() | LoopNode():
                self.drop(around(address))
                self.fail(around(address), error)
            case SwitchNode():
                self.drop(beside(address, parent.id))
                self.fail(beside(address, parent.id), error)
            case _:
                raise AssertionError(f"{address!r} is in {parent!r}, which holds nothing")

    def _will_fail(self, address: Address, frame: BlockFrame | ForeachFrame, error: ErrorRecord) -> None:
        frame.failure = frame.failure or error
        self.failing |= {address}

    def settle(self) -> None:
        """Let those blocks fail in which nothing is under way any more, the innermost first."""
        while (address := quiet(self.graph, self.state.frames, self.failing)) is not None:
            failure = self._failure_of(address)
            for inner in [inner for inner in self.state.frames if address in outwards(self.graph, inner)]:
                self.drop(inner)
            self.drop(address)
            self.fail(address, failure)

    def _failure_of(self, address: Address) -> ErrorRecord:
        frame = self.state.frames[address]
        assert isinstance(frame, (BlockFrame, ForeachFrame)), "only those wait before they fail"
        assert frame.failure is not None, "it is among those that fail"
        return frame.failure

    def cancel(self) -> None:
        """Give up all but the steps that may be running. One that is to be tried again may be: that its time has come
        is not recorded. If it is not, its driver says so."""
        for address, frame in list(self.state.frames.items()):
            if not isinstance(frame, StepFrame) or frame.phase == "suspended":
                self.drop(address)
            elif frame.phase == "waiting":
                frame.phase = "ready"
                self.recount(address, frame, was_busy=False, was_idle=True)
        self._forget_output()

    def bail(self, address: Address, ref: Ref) -> None:
        """The step at ``address``, whose frame is gone, ends its workflow with ``ref``, if nothing of it has failed."""
        scope = scope_of(self.graph, address)
        for outer in takewhile(lambda outer: outer != scope, outwards(self.graph, address)):
            if outer in self.failing:
                self.fail(address, self._failure_of(outer))
                return
        for inner in [inner for inner in self.state.frames if scope is None or scope in outwards(self.graph, inner)]:
            self.drop(inner)
        if scope is not None:
            self.drop(scope)
            self.complete(scope, ref)
        else:
            self.state.output = ref
            self.state.bailed = True
            self.values.retain(ref)

    def end(self) -> None:
        """The run has ended: nothing of it goes on. Its output stays."""
        for address in list(self.state.frames):
            self.drop(address)
        for seq in chain.from_iterable(self.state.events.values()):
            self.values.release(seq)
        self.state.events.clear()
        self.state.undoable.clear()
        self.state.busy = self.state.idle = 0
        self.fresh.clear()

    def refuse_output(self, error: ErrorRecord) -> None:
        """What the last node gave does not fit what the workflow declares: the run fails."""
        self._forget_output()
        self.state.failure = error

    def _forget_output(self) -> None:
        if self.state.output is not None:
            self.values.release(self.state.output)
            self.state.output = None
            self.state.busy -= not self.graph.output_is_last

    # ------------------------------------------------------------------ the tree

    def _parent(self, place: Place) -> object:
        assert place.parent is not None, "the root and compensations are never completed"
        return self.graph.places[place.parent].node

    def _begun(self, address: Address, kind: type[_F], what: Address) -> _F:
        frame = self.state.frames.get(address)
        if not isinstance(frame, kind):
            raise JournalMisfit(f"{what!r} has run, but {address!r}, which it is in, was not begun", what)
        return frame
