"""The node of each part of a draft: what was given is looked at, and what does not fit is refused."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Literal, cast

from waystation.define.assignable import is_union, meets
from waystation.define.drafts import (
    UNSET,
    BranchPart,
    Draft,
    ForeachPart,
    LoopPart,
    MapPart,
    ParallelPart,
    Part,
    SleepPart,
    SwitchPart,
    ThenPart,
    WaitPart,
)
from waystation.define.given import (
    Wanted,
    checked_child,
    checked_function,
    checked_schema,
    checked_time,
    in_words,
)
from waystation.define.ids import checked_id, id_from_name
from waystation.define.map_sources import checked_sources, map_output
from waystation.define.meeting import Flow, output_of, reaching
from waystation.define.nodes import (
    BranchNode,
    Child,
    FlowFunction,
    ForeachNode,
    LoopNode,
    MapNode,
    Node,
    ParallelNode,
    SleepNode,
    SwitchNode,
    WaitNode,
)
from waystation.define.step import AnyStep, Step
from waystation.errors import (
    DataError,
    DefinitionError,
    EmptyWorkflow,
    InvalidConcurrency,
    InvalidId,
    TypesDoNotMeet,
    UnusedBranchTarget,
)


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the next node of a workflow.

    Attributes:
        draft: the workflow.
        before: the nodes before it.
        flow: what reaches it.
    """

    draft: Draft
    before: Sequence[Node]
    flow: Flow

    def node(self, part: Part) -> Node:
        """The node of ``part``.

        Raises:
            DefinitionError: and most of what is below it.
        """
        match part:
            case ThenPart():
                return self._child(".then()", part.child)
            case ParallelPart():
                return self._parallel(part)
            case BranchPart():
                return self._branch(part)
            case SwitchPart():
                return self._switch(part)
            case ForeachPart():
                return self._foreach(part)
            case LoopPart():
                return self._loop(part)
            case MapPart():
                return self._map(part)
            case SleepPart():
                return self._sleep(part)
            case WaitPart():
                return self._wait(part)

    # ----------------------------------------------------------------------- what all of them need

    @property
    def _where(self) -> str:
        return f"workflow {self.draft.id!r}"

    def _child(self, method: str, given: object) -> Child:
        return checked_child(self.draft.id, method, given)

    def _function(self, given: object, who: str, takes: str, returns: str) -> FlowFunction:
        return checked_function(self.draft.id, given, Wanted(who, takes, returns))

    def _id(self, method: str, given: object, made: str) -> str:
        """The id of a node: the one that was given, or else the one that is made for it."""
        what = f"{self._where}: what .{method}() makes"
        if given is not None:
            return checked_id(what, given)
        try:
            return checked_id(what, made)
        except InvalidId as error:
            raise InvalidId(f"{error.message} Give it one: .{method}(..., id=...)") from None

    def _after(self, kind: str, first: str) -> str:
        """The id of a node that is named for the one before it."""
        return f"{kind}-after-{self.before[-1].id}" if self.before else f"{kind}-{first}"

    # ----------------------------------------------------------------------- blocks

    def _parallel(self, part: ParallelPart) -> ParallelNode:
        if not part.children:
            raise EmptyWorkflow(f"{self._where}: .parallel([]) has no steps; give it at least one")
        children = tuple(self._child(".parallel()", child) for child in part.children)
        id_ = self._id("parallel", part.id, f"parallel-{children[0].id}")
        return ParallelNode(id_, children, allow_failure=bool(part.allow_failure))

    def _branch(self, part: BranchPart) -> BranchNode:
        if not part.choices:
            raise EmptyWorkflow(f"{self._where}: .branch([]) has no choices; give it at least one (condition, step)")
        choices = [self._choice(choice) for choice in part.choices]
        children = tuple(child for _, child in choices)
        id_ = self._id("branch", part.id, f"branch-{children[0].id}")
        return BranchNode(id_, reaching(self.flow), tuple(condition for condition, _ in choices), children)

    def _choice(self, given: object) -> tuple[FlowFunction, Child]:
        shown = in_words(given)
        pair = cast("Sequence[object]", given) if isinstance(given, (tuple, list)) else ()
        if len(pair) != 2:  # noqa: PLR2004  (a pair)
            raise DefinitionError(f"{self._where}: .branch() takes (condition, step) pairs, and was given {shown}")
        condition, step = pair
        if isinstance(condition, Step):
            raise DefinitionError(
                f"{self._where}: .branch() was given step {cast('AnyStep', condition).id!r} where a condition goes; "
                "the condition comes first: (condition, step)"
            )
        child = self._child(".branch()", step)
        who = f"the condition of {child.id!r}"
        return self._function(condition, who, "what reaches the branch", "True or False"), child

    def _switch(self, part: SwitchPart) -> SwitchNode:
        given = _as_dict(part.cases)
        if given is None:
            raise DefinitionError(f"{self._where}: .switch() takes a dict of steps by key, not {in_words(part.cases)}")
        if not given:
            raise EmptyWorkflow(f"{self._where}: .switch(key, {{}}) has no cases; give it at least one")
        children: dict[int, Child] = {}  # by the identity of what was given: a step may be there under several keys
        cases: list[tuple[object, str]] = []
        for key, step in given.items():
            if key is not None and not isinstance(key, (str, int, Enum)):
                raise DefinitionError(
                    f"{self._where}: .switch() has the key {key!r}; a key is a str, int, bool, None or Enum member, "
                    "which is the same after a restart"
                )
            child = children.setdefault(id(step), self._child(".switch()", step))
            cases.append((key, child.id))
        default = None
        if part.default is not None:
            default = children.setdefault(id(part.default), self._child(".switch(default=)", part.default)).id
        id_ = self._id("switch", part.id, f"switch-{next(iter(children.values())).id}")
        key = self._function(part.key, f"the key of switch {id_!r}", "what reaches the switch", "a key")
        self._check_cases(id_, key, cases, default)
        node = SwitchNode(id_, reaching(self.flow), key, tuple(cases), tuple(children.values()), default)
        self._check_switch_output(node, part.output)
        return node

    def _check_cases(
        self, id_: str, key: FlowFunction, cases: Sequence[tuple[object, str]], default: str | None
    ) -> None:
        """Refuse a child that no key leads to, where the key's annotation names all that it may give."""
        possible = _named_values(_annotated_return(key.fn))
        if possible is None:
            return
        start = f"{self._where}: the key of switch {id_!r} gives one of {', '.join(map(repr, possible))}"
        for case, child in cases:
            if not any(_same_key(case, value) for value in possible):
                raise UnusedBranchTarget(f"{start}, so {child!r}, under the key {case!r}, never runs. Leave it out")
        uncovered = [value for value in possible if not any(_same_key(case, value) for case, _ in cases)]
        if default is not None and not uncovered and default not in {child for _, child in cases}:
            raise UnusedBranchTarget(f"{start}, each of which has a case, so default={default!r} never runs")

    def _check_switch_output(self, node: SwitchNode, form: object) -> None:
        if form is None:
            return
        declared = checked_schema(form)
        for child in node.children:
            if not meets(output_of(child).type, declared.type):
                raise TypesDoNotMeet(
                    f"{self._where}: switch {node.id!r} declares output={declared.name}, and {child.id!r} gives "
                    f"{output_of(child).name}. Change one of the two"
                )

    # ----------------------------------------------------------------------- foreach and loops

    def _foreach(self, part: ForeachPart) -> ForeachNode:
        child = self._child(".foreach()", part.child)
        id_ = self._id("foreach", part.id, f"foreach-{child.id}")
        concurrency = part.concurrency
        if isinstance(concurrency, bool) or not (isinstance(concurrency, int) or callable(concurrency)):
            raise InvalidConcurrency(
                f"{self._where}: foreach {id_!r} has concurrency={concurrency!r}; give a whole number, 1 or more, or a "
                "function of the list that returns one"
            )
        if not isinstance(concurrency, int):
            who = f"the concurrency of foreach {id_!r}"
            concurrency = self._function(concurrency, who, "the list that reaches it", "a whole number, 1 or more")
        elif concurrency < 1:
            raise InvalidConcurrency(f"{self._where}: foreach {id_!r} has concurrency={concurrency}; give 1 or more")
        return ForeachNode(id_, reaching(self.flow), child, concurrency)

    def _loop(self, part: LoopPart) -> LoopNode:
        child = self._child(f".{part.kind}()", part.child)
        id_ = self._id(part.kind, part.id, f"{id_from_name(part.kind)}-{child.id}")
        who = f"the condition of loop {id_!r}"
        condition = self._function(part.condition, who, f"what {child.id!r} gives", "True or False")
        return LoopNode(id_, output_of(child), child, condition, until=part.kind == "do_until")

    # ----------------------------------------------------------------------- map

    def _map(self, part: MapPart) -> MapNode:
        given = _as_dict(part.how)
        if given is not None:
            id_ = self._id("map", part.id, self._after("map", "input"))
            output = map_output(part.output, dict[str, Any])
            sources = checked_sources(self.draft, self.before, id_, given, output)
            return MapNode(id_, reaching(self.flow), output, sources=sources)
        fn = self._function(part.how, "what .map() was given", "what reaches it", "the new value")
        name = None if fn.name is None else id_from_name(fn.name)
        id_ = self._id("map", part.id, f"map-{name}" if name else self._after("map", "input"))
        return MapNode(id_, reaching(self.flow), map_output(part.output, _annotated_return(fn.fn)), fn=fn)

    # ----------------------------------------------------------------------- waiting

    def _sleep(self, part: SleepPart) -> SleepNode:
        id_ = self._id(part.kind, part.id, f"sleep-after-{self.before[-1].id}" if self.before else "sleep-at-start")
        start = f"{self._where}: sleep {id_!r}"
        by_type: type = timedelta if part.kind == "sleep" else datetime
        if not isinstance(part.time, by_type):
            wanted = f"a {by_type.__name__}"
            if not callable(part.time):
                raise DefinitionError(f"{start} is given {in_words(part.time)}; give {wanted}, or a function that does")
            when: FlowFunction = self._function(part.time, f"the time of sleep {id_!r}", "what reaches it", wanted)
            if part.kind == "sleep":
                return SleepNode(id_, reaching(self.flow), duration=when)
            return SleepNode(id_, reaching(self.flow), until=when)
        if isinstance(part.time, datetime):
            if part.time.utcoffset() is None:
                raise DefinitionError(
                    f"{start} is given {part.time!r}, which has no time zone: it would be another moment on another "
                    "machine. Give it one, such as tzinfo=timezone.utc"
                )
            return SleepNode(id_, reaching(self.flow), until=part.time)
        duration = checked_time(f"{start} lasts", cast("timedelta", part.time))
        return SleepNode(id_, reaching(self.flow), duration=duration)

    def _wait(self, part: WaitPart) -> WaitNode:
        event = checked_id(f"{self._where}: an event", part.event)
        id_ = self._id("wait_for", part.id, f"wait-{event}")
        start = f"{self._where}: wait {id_!r}"
        data = checked_schema(part.data)
        match = None
        if part.match is not None:
            wanted = Wanted(f"the match of wait {id_!r}", "the event's data", "True or False", "what reaches the wait")
            match = checked_function(self.draft.id, part.match, wanted)
        timeout = part.timeout
        if timeout is not None:
            if not isinstance(timeout, timedelta):
                raise DefinitionError(f"{start} has timeout={timeout!r}; give a timedelta")
            checked_time(f"{start} has a timeout of", timeout, positive=True)
        default = None
        if part.default is not UNSET:
            if timeout is None:
                raise DefinitionError(f"{start} has a default and no timeout=; the default is for when that is over")
            try:
                default = b"null" if part.default is None else data.dump(data.validate(part.default))
            except DataError as error:
                raise DefinitionError(
                    f"{start} has default={part.default!r}, which is no {data.name}: {error}"
                ) from None
        return WaitNode(id_, reaching(self.flow), event, data, match, timeout, default)


def _as_dict(given: object) -> Mapping[object, object] | None:
    return cast("Mapping[object, object]", given) if isinstance(given, Mapping) else None


# --------------------------------------------------------------------------- annotations of functions


def _annotated_return(fn: Callable[..., object]) -> object:
    """What a function is annotated to return; ``Any`` if it does not say, or cannot be asked."""
    try:
        hints = typing.get_type_hints(fn if inspect.isroutine(fn) else getattr(fn, "__call__", fn), include_extras=True)  # noqa: B004  (its hints are wanted)
    except (NameError, TypeError, AttributeError):
        return Any
    return hints.get("return", Any)


def _named_values(form: object) -> Sequence[object] | None:
    """All values of a type that names them: a ``Literal``, an Enum, bool, None, or a union of such; else None."""
    if form is None or form is type(None):
        return [None]
    if form is bool:
        return [True, False]
    if typing.get_origin(form) is Literal:
        return list(typing.get_args(form))
    if is_union(form):
        of_parts = [_named_values(part) for part in typing.get_args(form)]
        return None if None in of_parts else [value for values in of_parts for value in values or ()]
    return list(form) if isinstance(form, type) and issubclass(form, Enum) else None


def _same_key(first: object, second: object) -> bool:
    """Whether two keys lead to the same case: ``True`` is not ``1``."""
    return type(first) is type(second) and first == second
