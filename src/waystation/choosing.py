"""Which open suspension an answer is for, and what to say when there is none."""

from __future__ import annotations

from dataclasses import dataclass

from waystation.core.addresses import Address, node_key
from waystation.core.entries import Seq, StepSuspended, SuspensionAnswered, decode_entry
from waystation.core.machine import Machine
from waystation.define.workflow import Workflow
from waystation.errors import AlreadyAnswered, AmbiguousSuspension, NotSuspended, UnknownStep
from waystation.results import suspension_id
from waystation.store.protocol import Store, StoredRun


@dataclass(frozen=True, slots=True)
class Selector:
    """How a caller names a suspension; None where it does not. Several must all hold."""

    step: str | None = None
    label: str | None = None
    suspension: str | None = None

    def __str__(self) -> str:
        named = [
            f"{name}={value!r}"
            for name, value in (("step", self.step), ("label", self.label), ("suspension", self.suspension))
            if value is not None
        ]
        return ", ".join(named)

    def fits(self, run_id: str, address: Address, label: str, seq: Seq) -> bool:
        """Whether the suspension is one that the caller means."""
        return (
            self.step in (None, address)
            and self.label in (None, label)
            and self.suspension in (None, suspension_id(run_id, seq))
        )


async def choose_suspension(
    store: Store,
    workflow: Workflow[object, object],
    stored: StoredRun,
    machine: Machine,
    selector: Selector,
) -> tuple[Address, Seq]:
    """The one open suspension that ``selector`` names.

    Raises:
        UnknownStep, AmbiguousSuspension, AlreadyAnswered, NotSuspended.
    """
    run_id = stored.record.run_id
    if selector.step is not None and node_key(Address(selector.step)) not in workflow.graph.places:
        raise UnknownStep(
            f"workflow {workflow.id!r} has no step {selector.step!r}; it has "
            + ", ".join(repr(step.id) for step in workflow.graph.steps()),
            run_id=run_id,
        )
    open_now = machine.suspensions()
    fitting = [
        (address, seq)
        for address, seq in open_now.items()
        if (frame := machine.step_frame(address)) is not None and selector.fits(run_id, address, frame.label, seq)
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        addresses = sorted(address for address, _ in fitting)
        raise AmbiguousSuspension(
            f"run {run_id!r} waits for several answers: at {', '.join(map(repr, addresses))}; "
            "name one with step=, label= or suspension=",
            run_id=run_id,
            addresses=addresses,
        )
    raise await _none_fits(store, stored, sorted(open_now), selector)


async def _none_fits(store: Store, stored: StoredRun, open_now: list[Address], selector: Selector) -> NotSuspended:
    """Why there is nothing to answer; told from the whole journal, which is read only for this."""
    run_id = stored.record.run_id
    asked: dict[Seq, StepSuspended] = {}
    answered: dict[Seq, SuspensionAnswered] = {}
    for seq, data in enumerate(await store.read(run_id, limit=stored.last_seq), 1):
        entry = decode_entry(data)
        if isinstance(entry, StepSuspended):
            asked[seq] = entry
        elif isinstance(entry, SuspensionAnswered):
            answered[entry.suspension] = entry
    meant = [seq for seq, entry in asked.items() if selector.fits(run_id, entry.address, entry.label, seq)]
    what = f" for {selector}" if str(selector) else ""
    if meant and meant[-1] in answered:
        by = f" by {answered[meant[-1]].actor!r}" if answered[meant[-1]].actor else ""
        return AlreadyAnswered(
            f"the suspension of run {run_id!r} at {asked[meant[-1]].address!r} was answered already{by}; "
            f"the first answer counts. The run is {stored.record.status}",
            run_id=run_id,
        )
    waiting = f"; it waits at {', '.join(map(repr, open_now))}" if open_now else ""
    return NotSuspended(
        f"run {run_id!r} has no open suspension{what}: it is {stored.record.status}{waiting}", run_id=run_id
    )
