"""The registered workflows."""

from __future__ import annotations

from waystation.server.site import Here
from waystation.shapes import workflow_data


async def list_workflows(site: Here) -> dict[str, object]:
    """Every registered workflow, of several versions each."""
    current = site.app.workflows
    return {
        "workflows": [workflow_data(each, is_current=current[each.id] is each) for each in site.app.versions.values()]
    }


async def describe_workflow(site: Here, workflow_id: str, version: str | None = None) -> dict[str, object]:
    """A workflow: its nodes in order, nested ones within, and of each step its JSON Schemas, retry and timeout."""
    workflow = site.app.get_workflow(workflow_id, version=version).workflow
    return {**workflow.describe(), "mermaid": workflow.mermaid()}
