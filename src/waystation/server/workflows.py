"""The registered workflows."""

from __future__ import annotations

from waystation.define.nodes import StepNode
from waystation.define.workflow import Workflow
from waystation.server.site import Here


def list_workflows(site: Here) -> dict[str, object]:
    """Every registered workflow, of several versions each."""
    return {"workflows": [_summary(site, workflow) for workflow in site.app.versions.values()]}


def _summary(site: Here, workflow: Workflow[object, object]) -> dict[str, object]:
    return {
        "workflow_id": workflow.id,
        "version": workflow.version,
        "current": site.app.workflows[workflow.id] is workflow,
        "description": workflow.description,
        "steps": sum(isinstance(place.node, StepNode) for place in workflow.graph.places.values()),
        "schedule": bool(workflow.schedules),
        "input_schema": workflow.input.json_schema(),
    }


def describe_workflow(site: Here, workflow_id: str, version: str | None = None) -> dict[str, object]:
    """A workflow: its nodes in order, nested ones within, and of each step its JSON Schemas, retry and timeout."""
    workflow = site.app.get_workflow(workflow_id, version=version).workflow
    return {**workflow.describe(), "mermaid": workflow.mermaid()}
