"""Which open suspension an answer is for, and what to say when there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from waystation.beginning import answer_data
from waystation.core.addresses import Address, node_key
from waystation.core.entries import StepSuspended, SuspensionAnswered
from waystation.core.machine import Machine
from waystation.core.refs import Seq
from waystation.define.nodes import UNDO, StepNode
from waystation.define.workflow import Workflow
from waystation.engine.decoding import entry_of
from waystation.engine.intake import Answer
from waystation.engine.run_state import checked_context
from waystation.errors import (
    AlreadyAnswered,
    AmbiguousSuspension,
    IdempotencyConflict,
    NotSuspended,
    UnknownItem,
    UnknownLabel,
    UnknownStep,
)
from waystation.results import suspension_id
from waystation.store.protocol import Store
from waystation.store.records import StoredRun

_ITEM = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Selector:
    """How a caller names a suspension; None where it does not. Several must all hold.

    Attributes:
        step: an address (``inner/review``, ``items[3]/check``), or one with dots for slashes, or without the numbers;
            the id of a step alone, wherever it is; or the id of a nested workflow, for anything in it.
        label: the label it was suspended with.
        item: the number of the item of the innermost foreach, from 0.
        suspension: the id of the very suspension.
    """

    step: str | None = None
    label: str | None = None
    item: int | None = None
    suspension: str | None = None

    def __str__(self) -> str:
        named = [
            f"{name}={value!r}"
            for name, value in (
                ("step", self.step),
                ("label", self.label),
                ("item", self.item),
                ("suspension", self.suspension),
            )
            if value is not None
        ]
        return ", ".join(named)

    def fits(self, run_id: str, address: Address, label: str, seq: Seq) -> bool:
        """Whether the suspension is one that the caller means."""
        return (
            (self.step is None or names_place(self.step, address))
            and self.label in (None, label)
            and (self.item is None or item_of(address) == self.item)
            and self.suspension in (None, suspension_id(run_id, seq))
        )


def names_place(name: str, address: str) -> bool:
    """Whether ``name`` means the place at ``address``, or one around it: it is some of the parts of that address, in a
    row, with slashes or dots between them, and with the numbers of items and turns or without."""
    part = f".{_dotted(name)}."
    return any(part in f".{_dotted(place)}." for place in (address, node_key(address)))


def _dotted(address: str) -> str:
    return address.replace("/", ".")


def item_of(address: str) -> int | None:
    """The item number of the innermost foreach that ``address`` is in."""
    found = _ITEM.findall(address)
    return int(found[-1]) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What someone gives as an answer; see ``Run.resume``."""

    selector: Selector
    data: object
    request_context: Mapping[str, object] | None = None
    actor: str = ""
    channel: str = ""
    key: str = ""


async def choose_answer(
    store: Store, workflow: Workflow[object, object], stored: StoredRun, machine: Machine, given: Given
) -> Answer | None:
    """The answer, checked, to the one open suspension that is meant; None if it was given before, by its key.

    Raises:
        InvalidResumeData, InvalidRequestContext: it does not fit.
        IdempotencyConflict: an answer of that key was another.
        As ``choose_suspension``.
    """
    # Without the very suspension's name it might be taken for an answer to a later one.
    if given.key and given.selector.suspension is None and await _is_repeated(store, workflow, stored, given):
        return None
    try:
        address, seq = await choose_suspension(store, workflow, stored, machine, given.selector)
    except NotSuspended:
        if given.key and await _is_repeated(store, workflow, stored, given):
            return None
        raise
    context = checked_context(workflow, given.request_context, machine.state.context) if given.request_context else {}
    return Answer(
        address=address,
        suspension=seq,
        data=answer_data(workflow, address, given.data),
        context=context,
        actor=given.actor,
        channel=given.channel,
        key=given.key,
    )


async def _is_repeated(store: Store, workflow: Workflow[object, object], stored: StoredRun, given: Given) -> bool:
    """Whether the same actor gave this very answer with this key before. Raises ``IdempotencyConflict`` if another."""
    run_id = stored.record.run_id
    key = msgspec.json.encode(given.key)
    for data in await store.read(run_id, limit=stored.last_seq):
        if key not in data:  # most of a long journal is passed over so
            continue
        entry = entry_of(run_id, data)
        if isinstance(entry, SuspensionAnswered) and (entry.key, entry.actor) == (given.key, given.actor):
            if bytes(entry.data) == answer_data(workflow, entry.address, given.data):
                return True
            raise IdempotencyConflict(
                f"run {run_id!r} was given another answer with the idempotency key {given.key!r}; "
                "use a key of its own for each answer that is meant to be one",
                run_id=run_id,
            )
    return False


async def choose_suspension(
    store: Store,
    workflow: Workflow[object, object],
    stored: StoredRun,
    machine: Machine,
    selector: Selector,
) -> tuple[Address, Seq]:
    """The one open suspension that ``selector`` names.

    Raises:
        UnknownStep, UnknownLabel, UnknownItem, AmbiguousSuspension, AlreadyAnswered, NotSuspended.
    """
    run_id = stored.record.run_id
    check_step(workflow, run_id, selector.step)
    open_now = machine.suspensions()
    fitting = [
        (address, seq)
        for address, seq in open_now.items()
        if (frame := machine.step_frame(address)) is not None and selector.fits(run_id, address, frame.label, seq)
    ]
    if len(fitting) > 1 and selector.step is not None:
        # A whole address names one place, though others may end alike: ``ask`` beside ``inner/ask``.
        whole = _dotted(selector.step)
        fitting = [pair for pair in fitting if _dotted(pair[0]) == whole] or fitting
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        addresses = sorted(address for address, _ in fitting)
        raise AmbiguousSuspension(
            f"run {run_id!r} waits for several answers: at {', '.join(map(repr, addresses))}; "
            "name one with step=, label=, item= or suspension=",
            run_id=run_id,
            addresses=addresses,
        )
    raise await _none_fits(store, stored, sorted(open_now), selector)


def check_step(workflow: Workflow[object, object], run_id: str, step: str | None) -> None:
    """Refuse the name of a step that the workflow does not have. Raises ``UnknownStep``."""
    if step is None or any(names_place(node_key(step), key) for key in workflow.graph.places if key):
        return
    steps = [
        key for key, place in workflow.graph.places.items() if isinstance(place.node, StepNode) and UNDO not in key
    ]
    raise UnknownStep(
        f"workflow {workflow.id!r} has no step {step!r}; it has {', '.join(map(repr, steps))}", run_id=run_id
    )


async def _none_fits(store: Store, stored: StoredRun, open_now: list[Address], selector: Selector) -> NotSuspended:
    """Why there is nothing to answer; told from the whole journal, which is read only for this."""
    run_id = stored.record.run_id
    asked: dict[Seq, StepSuspended] = {}
    answered: dict[Seq, SuspensionAnswered] = {}
    for seq, data in enumerate(await store.read(run_id, limit=stored.last_seq), 1):
        entry = entry_of(run_id, data)
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
    if open_now and selector.label is not None and not any(entry.label == selector.label for entry in asked.values()):
        return UnknownLabel(
            f"run {run_id!r} has no open suspension with the label {selector.label!r}; it waits at "
            f"{', '.join(map(repr, open_now))}",
            run_id=run_id,
        )
    if open_now and selector.item is not None and selector.item not in map(item_of, open_now):
        return UnknownItem(
            f"run {run_id!r} has no open suspension at item {selector.item}; it waits at "
            f"{', '.join(map(repr, open_now))}",
            run_id=run_id,
        )
    waiting = f"; it waits at {', '.join(map(repr, open_now))}" if open_now else ""
    return NotSuspended(
        f"run {run_id!r} has no open suspension{what}: it is {stored.record.status}{waiting}", run_id=run_id
    )
