"""What every driver of one app shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from waystation.core.refs import Millis
from waystation.define.workflow import Workflow
from waystation.engine.clock import Clock
from waystation.engine.elsewhere import StepPlacement, StepsElsewhere
from waystation.engine.hub import Hub
from waystation.store.protocol import Store
from waystation.store.records import WorkflowKey


@dataclass(frozen=True, slots=True)
class Engine:
    """The surroundings of a driver.

    Attributes:
        store: where everything durable goes.
        clock: where time comes from.
        workflows: the registered workflows by id and version.
        agents, tools: what steps reach by name.
        threads: where step functions run that are not ``async``.
        hub: where it is announced that a run has moved.
        worker_id: this process, as the owner of runs.
        lease_term: names the time for which the lease by which this process owns runs holds without a gap; None while
            it does not, as far as is known here.
        cancel_grace: how long steps in flight of a cancelled run may go on, where nothing else is said.
        definitions: the fingerprints this process knows to be in the store.
        taking: the runs that are being taken over just now.
        takes_for: who owns a run that is taken by what comes from outside: this process, which drives it then; None
            where it is placed on some process by others, which takes it over.
        elsewhere: has steps that are to be spread run by other processes; None where there are none.
    """

    store: Store
    clock: Clock
    workflows: Mapping[WorkflowKey, Workflow[object, object]]
    agents: Mapping[str, object]
    tools: Mapping[str, object]
    threads: ThreadPoolExecutor
    worker_id: str
    lease_term: Callable[[], int | None]
    takes_for: str | None
    elsewhere: StepPlacement | None = None
    cancel_grace: timedelta = timedelta(seconds=5)
    hub: Hub = field(default_factory=Hub)
    definitions: set[str] = field(default_factory=set[str])
    taking: set[str] = field(default_factory=set[str])

    async def keep_definition(self, workflow: Workflow[object, object]) -> None:
        """See to it that the store has the definition of ``workflow``, so that later code can be held against it."""
        graph = workflow.graph
        if graph.fingerprint not in self.definitions:
            await self.store.put_definition(graph.fingerprint, workflow.id, graph.description)
            self.definitions.add(graph.fingerprint)

    def steps_elsewhere(
        self, workflow: Workflow[object, object], run_id: str, created_at: Millis
    ) -> StepsElsewhere | None:
        """What has a run's steps run by other processes, if anything does."""
        return None if self.elsewhere is None else self.elsewhere.of(run_id, created_at, workflow, self.store)
