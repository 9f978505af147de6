"""The workflows of an app, by id and version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from waystation.define.schedule import schedules_by_id
from waystation.define.workflow import Workflow
from waystation.engine.schedules import ScheduledWorkflow
from waystation.errors import DuplicateWorkflow, NotCommitted, UnknownWorkflow
from waystation.store.records import WorkflowKey


class Registry:
    """The registered workflows.

    Arguments:
        workflows: committed workflows; of several versions of one, the last is the current one.

    Attributes:
        by_key: every one, by id and version.
        current: the current version of each, by id.

    Raises:
        DuplicateWorkflow: two have the same id and version.
        NotCommitted: something is not a committed workflow.
    """

    def __init__(self, workflows: Sequence[object]) -> None:
        found: dict[WorkflowKey, Workflow[object, object]] = {}
        for workflow in workflows:
            if not isinstance(workflow, Workflow):
                raise NotCommitted(f"{workflow!r} is not a committed workflow: end its definition with .commit()")
            key = WorkflowKey(workflow.id, workflow.version)
            if key in found:
                version = f" and the version {key.version!r}" if key.version else ""
                raise DuplicateWorkflow(
                    f"two workflows of this app have the id {workflow.id!r}{version}; give one another id or version"
                )
            found[key] = workflow
        self.by_key: Mapping[WorkflowKey, Workflow[object, object]] = MappingProxyType(found)
        self.current: Mapping[str, Workflow[object, object]] = MappingProxyType(
            {key.workflow_id: workflow for key, workflow in found.items()}
        )

    def find(self, id_: str, version: str | None = None) -> Workflow[object, object]:
        """The workflow of that id: of that version, or the current one.

        Raises:
            UnknownWorkflow.
        """
        found = self.current.get(id_) if version is None else self.by_key.get(WorkflowKey(id_, version))
        if found is None:
            raise self.unknown(id_, version)
        return found

    def unknown(self, id_: str, version: str | None) -> UnknownWorkflow:
        """What to say of a workflow that is not registered."""
        known = ", ".join(repr(key.workflow_id) + (f" {key.version!r}" if key.version else "") for key in self.by_key)
        of_version = f" in version {version!r}" if version else ""
        return UnknownWorkflow(
            f"workflow {id_!r}{of_version} is not registered with this app; registered: {known or 'none'}"
        )

    def scheduled(self) -> list[ScheduledWorkflow]:
        """What starts by itself: of several versions of a workflow only the current one does."""
        return [
            ScheduledWorkflow(schedule_id, WorkflowKey(workflow.id, workflow.version), cron)
            for workflow in self.current.values()
            for schedule_id, cron in schedules_by_id(workflow.id, workflow.schedules).items()
        ]
