"""A run as a tree: each step with its state, its time and its data.

A line says of an address what the line above it in the tree does not say: a terminal has no room for more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.text import Text
from rich.tree import Tree

from waystation.cli.plan import PlanNode
from waystation.core.addresses import beside, inside, of_item, of_turn
from waystation.core.entries import ErrorRecord
from waystation.core.history import NodeHistory, RunHistory, StepHistory
from waystation.core.refs import Millis
from waystation.results import when
from waystation.shapes import compact, raw_data
from waystation.store.records import RunRecord

STYLES = {
    "success": ("✓", "green"),
    "failed": ("✗", "red"),
    "suspended": ("⏸", "yellow"),
    "waiting": ("…", "cyan"),
    "running": ("▶", "blue"),
    "pending": ("·", "dim"),
    "paused": ("⏯", "yellow"),
    "cancelled": ("■", "magenta"),
    "not begun": ("·", "dim"),
    "not taken": ("–", "dim"),
}

_LONGEST = 200
_MOST_SHOWN = 20

_BLOCKS = {"parallel": "side by side", "branch": "where a condition is true", "switch": "one of these"}


def status_text(status: str) -> Text:
    """A status with its sign and colour."""
    sign, style = STYLES.get(status, ("?", ""))
    return Text(f"{sign} {status}", style=style)


def run_tree(
    record: RunRecord,
    history: RunHistory,
    plan: Sequence[PlanNode],
    result: object = None,
    *,
    under_way: Mapping[str, Millis] | None = None,
    brief: bool = False,
) -> Tree:
    """The run's tree.

    Arguments:
        record, history: the run.
        plan: its workflow's nodes, to show what has not begun yet; none if the workflow is not at hand.
        result: the run's result as JSON data, if it has succeeded.
        under_way: for how long the steps that are under way have been, by address, where that is known.
        brief: leave out the data, so that a picture of a long run is one of its steps.
    """
    head = Text.assemble((record.workflow_id, "bold"), "  run ", (record.run_id, "bold"), "  ")
    head.append_text(status_text(record.status))
    if history.started_at is not None and history.ended_at is not None:
        head.append(f"  after {duration_text(history.ended_at - history.started_at)}", style="dim")
    tree = Tree(head, guide_style="dim")
    if history.forked_from:
        tree.add(Text(f"forked from {history.forked_from}", style="dim"))
    if history.input is not None and not brief:
        tree.add(_data("input", raw_data(history.input)))
    drawing = _Drawing(history, under_way or {}, brief=brief)
    for node in plan:
        drawing.add(tree, node, node.id)
    drawing.add_rest(tree)
    if history.cancel is not None:
        by = f" by {history.cancel.actor}" if history.cancel.actor else ""
        tree.add(Text(f"cancelled{by}: {history.cancel.reason or 'no reason given'}", style="magenta"))
    if record.status == "success":
        tree.add(_data("result", result))
    if history.error is not None:
        tree.add(_error("failed", history.error))
    return tree


class _Drawing:
    """What happened, drawn along the graph; what was drawn is taken away."""

    def __init__(self, history: RunHistory, under_way: Mapping[str, Millis], *, brief: bool) -> None:
        self._under_way = under_way
        self._brief = brief
        self._steps: dict[str, StepHistory] = {step.address: step for step in history.steps}
        self._nodes: dict[str, NodeHistory] = {node.address: node for node in history.nodes}

    def add(self, tree: Tree, node: PlanNode, address: str, said: str = "") -> None:
        """Draw the node at ``address``, of which ``tree`` has ``said`` the beginning, and what is in it."""
        name = address.removeprefix(said)
        match node.kind:
            case "step":
                step = self._steps.pop(address, None)
                tree.add(self._step(step, name) if step is not None else _idle(name, "not begun"))
            case "workflow":
                inner = tree.add(Text.assemble((name, "bold"), ("  workflow", "dim")))
                for child in node.nodes:
                    self.add(inner, child, inside(address, child.id), f"{address}/")
            case "parallel" | "branch" | "switch":
                self._add_block(tree, node, address, said)
            case "foreach" | "loop" if node.child is not None:
                self._add_repeated(tree, node, node.child, address, name)
            case _:
                tree.add(self._node(name, node, self._nodes.get(address)))

    def add_rest(self, tree: Tree) -> None:
        """Draw what is recorded and not in the graph at hand; compensations are drawn here too."""
        for step in self._steps.values():
            tree.add(self._step(step, step.address))

    def _add_block(self, tree: Tree, node: PlanNode, address: str, said: str) -> None:
        happened = self._nodes.get(address)
        block = tree.add(Text.assemble((address.removeprefix(said), "bold"), (f"  {_BLOCKS[node.kind]}", "dim")))
        if happened is not None and happened.error is not None:
            block.add(_error("failed", happened.error, here=address))
        for child in node.children:
            if happened is not None and child.id not in happened.taken:
                block.add(_idle(child.id, "not taken"))
            else:
                self.add(block, child, beside(address, child.id), said)

    def _add_repeated(self, tree: Tree, node: PlanNode, child: PlanNode, address: str, name: str) -> None:
        happened = self._nodes.get(address)
        is_foreach = node.kind == "foreach"
        kind = "for each item" if is_foreach else "again and again"
        count = (
            f", {happened.count} {'items' if is_foreach else 'turns'}"
            if happened and happened.count is not None
            else ""
        )
        block = tree.add(Text.assemble((name, "bold"), (f"  {kind}{count}", "dim")))
        if happened is not None and happened.error is not None:
            block.add(_error("failed", happened.error, here=address))
        numbers = self._numbers(address)
        for number in numbers[:_MOST_SHOWN]:
            item = of_item if is_foreach else of_turn
            self.add(block, child, item(address, number, child.id), address)
        if len(numbers) > _MOST_SHOWN:
            block.add(Text(f"... {len(numbers) - _MOST_SHOWN} more; --json shows all", style="dim"))
            for number in numbers[_MOST_SHOWN:]:
                self._forget(f"{address}[{number}]/", f"{address}#{number}/")
        if not numbers:
            block.add(_idle(child.id, "not begun"))

    def _numbers(self, address: str) -> list[int]:
        """The items or turns of which something is known."""
        found: set[int] = set()
        for known in (*self._steps, *self._nodes):
            if known.startswith((f"{address}[", f"{address}#")):
                number = known[len(address) + 1 :].split("/", 1)[0].rstrip("]")
                found.add(int(number))
        return sorted(found)

    def _forget(self, *prefixes: str) -> None:
        for address in [address for address in self._steps if address.startswith(prefixes)]:
            del self._steps[address]

    def _node(self, name: str, node: PlanNode, happened: NodeHistory | None) -> Group | Text:
        if happened is None:
            return _idle(name, "not begun")
        head = Text.assemble((name, "bold"), "  ").append_text(status_text(happened.status))
        if happened.until is not None and happened.status == "waiting":
            what = f"event {node.event!r} or " if node.event else ""
            head.append(f"  until {what}{when(happened.until).astimezone():%Y-%m-%d %H:%M:%S}", style="dim")
        elif node.event and happened.status == "waiting":
            head.append(f"  for event {node.event!r}", style="dim")
        lines = [head]
        if happened.output is not None and not self._brief:
            lines.append(_data("  gave", raw_data(happened.output)))
        if happened.error is not None:
            lines.append(_error("  failed", happened.error, here=happened.address))
        return Group(*lines)

    def _step(self, step: StepHistory, name: str) -> Group:
        head = Text.assemble((name, "bold"), "  ").append_text(status_text(step.status))
        if step.began is not None:
            head.append(f"  {when(step.began).astimezone():%H:%M:%S}", style="dim")
            if step.ended is not None:
                head.append(f"  {duration_text(step.ended - step.began)}", style="dim")
        if step.ended is None and (so_far := self._under_way.get(step.address)) is not None:
            head.append(f"  for {duration_text(so_far)}", style="dim")
        if step.attempts > 1 and not step.suspensions:
            head.append(f"  {step.attempts} attempts", style="dim")
        lines: list[Text] = [head]
        for each in step.suspensions:
            lines.append(_data(f"  asked {each.label}".rstrip(), raw_data(each.payload)))
            if each.answer is not None:
                by = f" by {each.actor}" if each.actor else ""
                lines.append(_data(f"  answered{by}", raw_data(each.answer)))
        lines.extend(_error("  attempt failed", failure, here=step.address) for failure in step.failures)
        if step.retry_at is not None and step.status == "waiting":
            lines.append(Text(f"  tried again at {when(step.retry_at).astimezone():%H:%M:%S}", style="dim"))
        if step.once:
            lines.append(Text(f"  recorded once: {', '.join(step.once)}", style="dim"))
        if step.output is not None and not self._brief:
            lines.append(_data("  gave", raw_data(step.output)))
        if step.error is not None:
            lines.append(_error("  failed", step.error, here=step.address))
        return Group(*lines)


def _idle(id_: str, status: str) -> Text:
    return Text.assemble(id_, "  ").append_text(status_text(status))


def _data(what: str, data: object) -> Text:
    text = compact(data)
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters; --json shows all)"
    return Text.assemble((f"{what} ", "dim"), shown)


def _error(what: str, error: ErrorRecord, *, here: str = "") -> Text:
    at = f" at {error.address}" if error.address not in ("", here) else ""
    return Text.assemble((f"{what}{at}: ", "red"), f"{error.type}: {error.message}")


def duration_text(ms: Millis) -> str:
    """A length of time, for people."""
    if ms < 1000:  # noqa: PLR2004  (a second)
        return f"{ms} ms"
    seconds = ms / 1000
    if seconds < 60:  # noqa: PLR2004  (a minute)
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, rest = divmod(hours, 24)
    if days:
        return f"{days} d {rest} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
