"""A workflow as the text of a Mermaid flowchart.

Nodes are named by number and labelled with their ids: an id may be a word that Mermaid keeps for itself (``end``).

A step is a box, one that may suspend a hexagon; a dotted arrow leads to the one that undoes it. A parallel forks from a
trapezoid, a branch or switch from a diamond, and they join in a circle. A nested workflow, and what a foreach runs, is
framed; a loop ends in a diamond that leads back. A map is a parallelogram, a sleep is rounded, a wait is a flag.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from waystation.define.full_description import case_key
from waystation.define.nodes import (
    BranchNode,
    Child,
    FlowFunction,
    ForeachNode,
    LoopNode,
    MapNode,
    ParallelNode,
    SequenceNode,
    SleepNode,
    StepNode,
    SwitchNode,
    WaitNode,
    WorkflowNode,
)

if TYPE_CHECKING:
    from waystation.define.nodes import Node
    from waystation.define.step import AnyStep
    from waystation.define.workflow import Workflow

_LONGEST = 80
_PLAIN = re.compile(r"[^\w .,:;|/()\[\]{}=+*?!'-]")


def mermaid_text(workflow: Workflow[object, object]) -> str:
    """The flowchart of ``workflow``; the same text for the same definition."""
    chart = _Chart()
    last: str | None = chart.node(f'(["{label(workflow.input.name)}"])')
    for node in workflow.graph.root.children:
        last = chart.add(node, last)
    chart.edge(last, chart.node(f'(["{label(workflow.output.name)}"])'))
    return chart.text()


def label(text: str) -> str:
    """``text`` as it may stand between the quotes of a label: one line, not too long, with nothing that Mermaid,
    HTML or Markdown would read as more than text."""
    line = " ".join(text.split())
    if len(line) > _LONGEST:
        line = f"{line[: _LONGEST - 3]}..."
    return _PLAIN.sub(lambda match: f"#{ord(match[0])};", line)


class _Chart:
    """A flowchart being drawn."""

    def __init__(self) -> None:
        self._drawn = 0
        self._indent = "    "
        self._nodes: list[str] = []
        self._edges: list[str] = []

    def text(self) -> str:
        return "\n".join(["flowchart TD", *self._nodes, *self._edges]) + "\n"

    def node(self, shape: str) -> str:
        """Draw a node; gives its name."""
        name = self._name()
        self._nodes.append(f"{self._indent}{name}{shape}")
        return name

    def edge(self, start: str | None, end: str, text: str | None = None, arrow: str = "-->") -> None:
        """Draw an arrow; none where it would come from nowhere, before the first node in a frame."""
        if start is not None:
            self._edges.append(f"    {start} {arrow}" + (f'|"{label(text)}"| {end}' if text else f" {end}"))

    def add(self, node: Node, before: str | None) -> str:
        """Draw a node of the graph after ``before``; gives the name of what the next one follows."""
        match node:
            case StepNode() | WorkflowNode():
                return self._joined(self._child(node), before)
            case ParallelNode() | BranchNode() | SwitchNode():
                return self._block(node, before)
            case ForeachNode():
                return self._joined(self._foreach(node), before)
            case LoopNode():
                return self._loop(node, before)
            case MapNode():
                return self._joined(self.node(f'[/"{label(node.id)}"/]'), before)
            case SleepNode():
                return self._joined(self.node(f'("{_lines(node.id, _time(node))}")'), before)
            case WaitNode():
                return self._joined(self.node(f'>"{_lines(node.id, f"event {node.event}")}"]'), before)
            case SequenceNode():
                raise AssertionError("a sequence is only ever the root")

    def _name(self) -> str:
        self._drawn += 1
        return f"n{self._drawn - 1}"

    def _joined(self, name: str, before: str | None) -> str:
        self.edge(before, name)
        return name

    def _framed(self, title: str, children: Sequence[Node]) -> str:
        """Draw nodes in a frame; gives its name."""
        name = self._name()
        outer = self._indent
        self._nodes.append(f'{outer}subgraph {name}["{title}"]')
        self._indent = f"{outer}    "
        last: str | None = None
        for child in children:
            last = self.add(child, last)
        self._indent = outer
        self._nodes.append(f"{outer}end")
        return name

    def _child(self, child: Child) -> str:
        if isinstance(child, StepNode):
            return self._step(child.id, child.step)
        return self._framed(_lines(child.id, child.workflow.description), child.workflow.graph.root.children)

    def _step(self, id_: str, step: AnyStep) -> str:
        text = _lines(id_, step.description)
        name = self.node(f'{{{{"{text}"}}}}' if step.suspend is not None else f'["{text}"]')
        if step.undo is not None:
            self.edge(name, self._step(step.undo.id, step.undo), "undo", "-.->")
        return name

    def _block(self, node: ParallelNode | BranchNode | SwitchNode, before: str | None) -> str:
        shape = f'[/"{label(node.id)}"\\]' if isinstance(node, ParallelNode) else f'{{"{label(node.id)}"}}'
        fork = self._joined(self.node(shape), before)
        children = [self._child(child) for child in node.children]
        join = self.node('((" "))')
        for child, text in zip(children, _arrow_texts(node), strict=True):
            self.edge(fork, child, text)
            self.edge(child, join)
        if isinstance(node, BranchNode):
            self.edge(fork, join, "none", "-.->")
        return join

    def _foreach(self, node: ForeachNode) -> str:
        at_once = "" if isinstance(node.concurrency, FlowFunction) else f", {node.concurrency} at once"
        return self._framed(_lines(node.id, f"for each item{at_once}"), [node.child])

    def _loop(self, node: LoopNode, before: str | None) -> str:
        child = self._joined(self._child(node.child), before)
        name, word = node.condition.name, "until" if node.until else "while"
        ends = self.node(f'{{"{_lines(node.id, f"{word} {name}" if name else "")}"}}')
        self.edge(child, ends)
        self.edge(ends, child, "again", "-.->")
        return ends


def _lines(id_: str, more: str) -> str:
    return f"{label(id_)}<br/>{label(more)}" if more else label(id_)


def _arrow_texts(node: ParallelNode | BranchNode | SwitchNode) -> list[str | None]:
    """What to write at the arrows to a block's children."""
    if isinstance(node, ParallelNode):
        return [None] * len(node.children)
    if isinstance(node, BranchNode):
        return [condition.name for condition in node.conditions]
    keys: dict[str, list[str]] = {child.id: [] for child in node.children}
    for key, child in node.cases:
        keys[child].append(str(case_key(key)))
    if node.default is not None:
        keys[node.default].append("else")
    return [", ".join(texts) for texts in keys.values()]


def _time(node: SleepNode) -> str:
    """How long a sleep lasts, where that is known."""
    given = node.until if node.duration is None else node.duration
    if isinstance(given, FlowFunction):
        return given.name or ""
    return f"until {given.isoformat()}" if isinstance(given, datetime) else str(given)
