"""A workflow as the text of a Mermaid flowchart.

Nodes are named by number and labelled with their ids: an id may be a word that Mermaid keeps for itself (``end``).
A step is a box, one that may suspend a hexagon; a parallel forks from a trapezoid, a branch from a diamond, and
both join in a circle.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waystation.define.describe import condition_name
from waystation.define.nodes import BranchNode, ParallelNode, StepNode

if TYPE_CHECKING:
    from waystation.define.nodes import Node
    from waystation.define.workflow import Workflow

_LONGEST = 80
_PLAIN = re.compile(r"[^\w .,:;|/()\[\]{}=+*?!'-]")


def mermaid_text(workflow: Workflow[object, object]) -> str:
    """The flowchart of ``workflow``; the same text for the same definition."""
    chart = _Chart()
    last = chart.node(f'(["{label(workflow.input.name)}"])')
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
        self._nodes: list[str] = []
        self._edges: list[str] = []

    def node(self, shape: str) -> str:
        """Draw a node; gives its name."""
        name = f"n{len(self._nodes)}"
        self._nodes.append(f"    {name}{shape}")
        return name

    def edge(self, start: str, end: str, text: str | None = None) -> None:
        """Draw an arrow."""
        arrow = f'-->|"{label(text)}"|' if text else "-->"
        self._edges.append(f"    {start} {arrow} {end}")

    def add(self, node: Node, before: str) -> str:
        """Draw a node of the graph after ``before``; gives the name of what the next one follows."""
        match node:
            case StepNode():
                name = self._step(node)
                self.edge(before, name)
                return name
            case ParallelNode():
                fork = self.node(f'[/"{label(node.id)}"\\]')
                return self._block(node, fork, before, [None] * len(node.children))
            case BranchNode():
                fork = self.node(f'{{"{label(node.id)}"}}')
                return self._block(node, fork, before, [condition_name(condition) for condition in node.conditions])
            case _:
                raise AssertionError("a sequence is only ever the root")

    def _block(self, node: ParallelNode | BranchNode, fork: str, before: str, texts: list[str | None]) -> str:
        self.edge(before, fork)
        children = [self._step(child) for child in node.children]
        join = self.node('((" "))')
        for child, text in zip(children, texts, strict=True):
            self.edge(fork, child, text)
            self.edge(child, join)
        if isinstance(node, BranchNode):
            self._edges.append(f'    {fork} -.->|"none"| {join}')
        return join

    def _step(self, node: StepNode) -> str:
        step = node.step
        text = label(node.id)
        if step.description:
            text += f"<br/>{label(step.description)}"
        return self.node(f'{{{{"{text}"}}}}' if step.suspend is not None else f'["{text}"]')

    def text(self) -> str:
        return "\n".join(["flowchart TD", *self._nodes, *self._edges]) + "\n"
