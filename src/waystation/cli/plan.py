"""A workflow's graph as far as a picture of a run needs it: made of its description, which servers give too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from waystation.errors import UnknownWorkflow

if TYPE_CHECKING:
    from waystation.cli.places import Place
    from waystation.store.records import RunRecord


class PlanNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node, as ``Workflow.describe`` tells of it.

    Attributes:
        kind: what it is: step, workflow, parallel, branch, switch, foreach, loop, map, sleep, wait.
        id: its id.
        nodes: of a nested workflow, its nodes in order.
        children: of a block, what is in it.
        child: of a foreach or a loop, what is done again and again.
        event: of a wait, the event's name.
    """

    kind: str
    id: str
    nodes: tuple[PlanNode, ...] = ()
    children: tuple[PlanNode, ...] = ()
    child: PlanNode | None = None
    event: str = ""


async def plan_of(place: Place, record: RunRecord) -> Sequence[PlanNode]:
    """The nodes of the run's workflow in order; none if the workflow is not registered there any more."""
    try:
        described = await place.describe(record.workflow_id, version=record.version)
    except UnknownWorkflow:
        return ()
    return msgspec.convert(described.get("nodes", ()), tuple[PlanNode, ...])
