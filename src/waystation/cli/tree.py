"""A run as a tree: each step with its state, its time and its data."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text
from rich.tree import Tree

from waystation.cli.shapes import compact, raw_data
from waystation.core.entries import ErrorRecord, Millis
from waystation.core.history import RunHistory, StepHistory
from waystation.define.nodes import BranchNode, Graph, Node, ParallelNode, SequenceNode, StepNode
from waystation.results import when
from waystation.store.protocol import RunRecord

STYLES = {
    "success": ("✓", "green"),
    "failed": ("✗", "red"),
    "suspended": ("⏸", "yellow"),
    "waiting": ("…", "cyan"),
    "running": ("▶", "blue"),
    "pending": ("·", "dim"),
    "cancelled": ("■", "magenta"),
    "not begun": ("·", "dim"),
    "not taken": ("–", "dim"),
}

_LONGEST = 200


def status_text(status: str) -> Text:
    """A status with its sign and colour."""
    sign, style = STYLES.get(status, ("?", ""))
    return Text(f"{sign} {status}", style=style)


def run_tree(record: RunRecord, history: RunHistory, graph: Graph | None, result: object = None) -> Tree:
    """The run's tree.

    Arguments:
        record, history: the run.
        graph: its workflow's graph, to show what has not begun yet; None if the workflow is not at hand.
        result: the run's result as JSON data, if it has succeeded.
    """
    head = Text.assemble((record.workflow_id, "bold"), "  run ", (record.run_id, "bold"), "  ")
    head.append_text(status_text(record.status))
    if history.started_at is not None and history.ended_at is not None:
        head.append(f"  after {_duration(history.ended_at - history.started_at)}", style="dim")
    tree = Tree(head, guide_style="dim")
    if history.input is not None:
        tree.add(_data("input", raw_data(history.input)))
    steps = {str(step.address): step for step in history.steps}
    for node in graph.root.children if graph is not None else ():
        _add(tree, node, steps, history)
    for step in steps.values():  # recorded, and not in the graph at hand
        tree.add(_step(step))
    if record.status == "success":
        tree.add(_data("result", result))
    if history.error is not None:
        tree.add(_error("failed", history.error))
    return tree


def _add(tree: Tree, node: Node, steps: dict[str, StepHistory], history: RunHistory) -> None:
    match node:
        case StepNode():
            step = steps.pop(node.id, None)
            tree.add(_step(step) if step is not None else _idle(node.id, "not begun"))
        case ParallelNode():
            block = tree.add(Text.assemble((node.id, "bold"), ("  side by side", "dim")))
            for child in node.children:
                _add(block, child, steps, history)
        case BranchNode():
            decided = next((taken for address, taken in history.branches.items() if address == node.id), None)
            block = tree.add(Text.assemble((node.id, "bold"), ("  where a condition is true", "dim")))
            for child in node.children:
                if decided is not None and child.id not in decided:
                    block.add(_idle(child.id, "not taken"))
                else:
                    _add(block, child, steps, history)
        case SequenceNode():
            for inner in node.children:
                _add(tree, inner, steps, history)


def _idle(id_: str, status: str) -> Text:
    return Text.assemble(id_, "  ").append_text(status_text(status))


def _step(step: StepHistory) -> Group:
    head = Text.assemble((step.address, "bold"), "  ").append_text(status_text(step.status))
    if step.began is not None:
        head.append(f"  {when(step.began).astimezone():%H:%M:%S}", style="dim")
        if step.ended is not None:
            head.append(f"  {_duration(step.ended - step.began)}", style="dim")
    if step.attempts > 1 and not step.suspensions:
        head.append(f"  {step.attempts} attempts", style="dim")
    lines: list[Text] = [head]
    for each in step.suspensions:
        lines.append(_data(f"  asked {each.label}".rstrip(), raw_data(each.payload)))
        if each.answer is not None:
            by = f" by {each.actor}" if each.actor else ""
            lines.append(_data(f"  answered{by}", raw_data(each.answer)))
    lines.extend(_error("  attempt failed", failure) for failure in step.failures)
    if step.retry_at is not None and step.status == "waiting":
        lines.append(Text(f"  tried again at {when(step.retry_at).astimezone():%H:%M:%S}", style="dim"))
    if step.once:
        lines.append(Text(f"  recorded once: {', '.join(step.once)}", style="dim"))
    if step.output is not None:
        lines.append(_data("  gave", raw_data(step.output)))
    if step.error is not None:
        lines.append(_error("  failed", step.error))
    return Group(*lines)


def _data(what: str, data: object) -> Text:
    text = compact(data)
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters; --json shows all)"
    return Text.assemble((f"{what} ", "dim"), shown)


def _error(what: str, error: ErrorRecord) -> Text:
    at = f" at {error.address}" if error.address else ""
    return Text.assemble((f"{what}{at}: ", "red"), f"{error.type}: {error.message}")


def _duration(ms: Millis) -> str:
    if ms < 1000:  # noqa: PLR2004  (a second)
        return f"{ms} ms"
    seconds = ms / 1000
    if seconds < 60:  # noqa: PLR2004  (a minute)
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
