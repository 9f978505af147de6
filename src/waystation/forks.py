"""Forks of a run: what of it is shared, and what is given instead, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from waystation.choosing import check_step, names_place
from waystation.core.addresses import Address, node_key
from waystation.core.entries import AnyEntry, RunCreated, StepEntry
from waystation.core.forking import forked
from waystation.core.machine import Machine
from waystation.define.workflow import Workflow
from waystation.engine.run_state import StateView
from waystation.errors import DataError, InvalidInput, StepNotRun


def make_fork(
    workflow: Workflow[object, object],
    run_id: str,
    entries: Sequence[AnyEntry],
    from_step: str,
    *,
    at: int,
    input: object,
    state: Mapping[str, object] | None,
) -> tuple[list[AnyEntry], Machine]:
    """The journal of a fork of run ``run_id``, and where it stands.

    Arguments:
        entries: the run's journal.
        from_step: the id or address of the step to run again.
        at: the time.
        input: what to give the step; None for what it was given.
        state: what to change of the run state.

    Raises:
        UnknownStep, StepNotRun, InvalidInput, InvalidState.
    """
    address = _forked_at(workflow, run_id, entries, from_step)
    created = RunCreated(
        at=at,
        workflow_id=workflow.id,
        fingerprint=workflow.graph.fingerprint,
        version=workflow.version,
        forked_from=run_id,
    )
    given = None if input is None else _step_input(workflow, address, input)
    made = forked(workflow.graph, entries, address, created=created, at=at, input=given)
    if made is not None and state:
        changes = _state_changes(workflow, made[1], state)
        made = forked(workflow.graph, entries, address, created=created, at=at, input=given, state=changes)
    if made is None:
        raise _not_run(run_id, address)
    return made


def _forked_at(workflow: Workflow[object, object], run_id: str, entries: Sequence[AnyEntry], name: str) -> Address:
    check_step(workflow, run_id, name)
    ran = list(dict.fromkeys(entry.address for entry in entries if isinstance(entry, StepEntry)))
    exact = [address for address in ran if name in (address, node_key(address))]
    found = exact or [address for address in ran if names_place(name, address)]
    if not found:
        raise _not_run(run_id, name)
    return Address(name) if name in found else found[-1]


def _not_run(run_id: str, name: str) -> StepNotRun:
    return StepNotRun(f"step {name!r} has not run in run {run_id!r}; a fork begins at a step that has", run_id=run_id)


def _step_input(workflow: Workflow[object, object], address: Address, input: object) -> bytes:
    step = workflow.graph.step(node_key(address))
    assert step is not None, "only steps have run"
    try:
        return step.input.dump(step.input.validate(input))
    except DataError as error:
        raise error.located(InvalidInput, workflow_id=workflow.id, address=address) from None


def _state_changes(
    workflow: Workflow[object, object], machine: Machine, state: Mapping[str, object]
) -> Mapping[str, bytes]:
    """What ``state`` changes of the run state, which must fit its type with those changes."""
    view = StateView(
        machine.state.shared,
        workflow.state,
        declared=() if workflow.state is None else (workflow.state,),
        workflow_id=workflow.id,
        address="state",
    )
    view.change(state)
    return view.changes
