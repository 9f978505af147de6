"""What people are asked."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from waystation.server.runs import Limit
from waystation.server.site import Here
from waystation.shapes import suspension_data
from waystation.store.records import WorkflowKey


async def list_suspensions(
    site: Here,
    workflow: Annotated[str | None, Query(description="Only of this workflow.")] = None,
    run_id: Annotated[str | None, Query(description="Only of this run.")] = None,
    limit: Limit = 50,
) -> dict[str, object]:
    """The open suspensions of all runs, oldest first: what people are waited for, and what an answer looks like."""
    found = await site.app.pending(workflow=workflow, run_id=run_id, limit=limit)
    versions = site.app.versions
    return {
        "suspensions": [suspension_data(each, versions[WorkflowKey(each.workflow_id, each.version)]) for each in found]
    }
