"""Commit: from what the builder was told to a graph, or to an error that says what is wrong and the way out.

Type checkers refuse most of this before it runs; it is refused here again, because not everyone uses one, and
because some of it (ids, what a parallel or branch gives) no type can say.

Part by part, in the order they were written: ``making`` makes the node, ``node_ids`` sees that its ids are free,
``meeting`` that it takes what reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from waystation.define.describe import canonical_description
from waystation.define.drafts import Draft
from waystation.define.making import Maker
from waystation.define.meeting import Flow, FromInput, FromNode, check_meets, check_output, flow_after, same_type
from waystation.define.node_ids import NodeIds
from waystation.define.nodes import (
    ROOT_KEY,
    UNDO,
    Graph,
    Node,
    Place,
    SequenceNode,
    StepNode,
    WaitNode,
    WorkflowNode,
    index,
)
from waystation.define.retry import ONCE
from waystation.define.workflow import Workflow
from waystation.errors import DefinitionError, EmptyWorkflow


def committed(draft: Draft) -> Workflow[object, object]:
    """The workflow of a draft.

    Raises:
        EmptyWorkflow, DuplicateId, InvalidId, TypesDoNotMeet, OutputMismatch, NotCommitted.
        DefinitionError: and what else is below it: something was given that cannot stand there.
    """
    return Workflow(
        id=draft.id,
        version=draft.version,
        input=draft.input,
        output=draft.output,
        state=draft.state,
        request_context=draft.request_context,
        graph=_graph(draft),
        schedules=draft.schedules,
        hooks=draft.hooks,
        description=draft.description,
    )


def _graph(draft: Draft) -> Graph:
    if not draft.parts:
        raise EmptyWorkflow(f"workflow {draft.id!r} has no steps; add at least one with .then(step) before .commit()")
    nodes: list[Node] = []
    flow: Flow = FromInput(draft.input)
    ids = NodeIds(draft.id)
    for part in draft.parts:
        node = Maker(draft, nodes, flow).node(part)
        ids.add(node)
        check_meets(draft.id, flow, node)
        nodes.append(node)
        flow = flow_after(node, flow)
    check_output(draft, flow)
    root = SequenceNode(ROOT_KEY, tuple(nodes))
    retry = draft.retry if draft.retry is not None else ONCE
    places = index(root, retry)
    _check_state(draft, places)
    _check_events(draft, places)
    fingerprint, description = canonical_description(draft.id, draft.input, draft.output, root, state=draft.state)
    return Graph(
        workflow_id=draft.id,
        version=draft.version,
        root=root,
        fingerprint=fingerprint,
        description=description,
        output_is_last=_is_output(flow, draft),
        places=MappingProxyType(places),
        retry=retry,
    )


def _is_output(flow: Flow, draft: Draft) -> bool:
    """Whether what comes last surely is of the declared output type, so that nothing is to be checked at the end.

    What the workflow was given was checked, and so is what a node gives, if it gives what its type says.
    """
    return isinstance(flow, FromNode) and flow.form == flow.schema.type and same_type(flow.schema, draft.output)


def _check_state(draft: Draft, places: Mapping[str, Place]) -> None:
    """Where something in it reads the run state, the workflow must have one, and so a run of it can be given one."""
    if draft.state is not None:
        return
    for key, place in places.items():
        node = place.node
        if isinstance(node, StepNode):
            schema, what = node.step.state, f"step {node.step.id!r}"
        elif isinstance(node, WorkflowNode):
            schema, what = node.workflow.state, f"workflow {node.id!r}"
        else:
            continue
        if schema is not None:
            undoes = f", which undoes {key.removesuffix(UNDO)!r}," if key.endswith(UNDO) else ""
            raise DefinitionError(
                f"workflow {draft.id!r}: {what}{undoes} has the run state {schema.name}, and the workflow has none: "
                f"give workflow({draft.id!r}, ..., state={schema.name})"
            )


def _check_events(draft: Draft, places: Mapping[str, Place]) -> None:
    """Everything that waits for an event takes the same data: an event is checked when it comes, whoever takes it."""
    known: dict[str, tuple[str, WaitNode]] = {}
    for key, place in places.items():
        if not isinstance(node := place.node, WaitNode):
            continue
        first_key, first = known.setdefault(node.event, (key, node))
        if first.data.type != node.data.type:
            raise DefinitionError(
                f"workflow {draft.id!r}: wait {first_key!r} takes {first.data.name} for the event {node.event!r}, and "
                f"wait {key!r} takes {node.data.name}. Let both take the same type, or wait for events of two names"
            )
