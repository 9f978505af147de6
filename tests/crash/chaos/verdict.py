"""The verdict on a chaos: the book, which every process wrote in, against the journals, as the store has them now.

What is held, each as a rule that names what broke it:

1. Every run has ended, and as it must.
2. What the store said is durable is in the journal, byte for byte; and an owner's writes end where the next one's
   begin: nothing that was tried under an epoch after it was lost is there.
3. Nothing that was recorded as done was begun again.
4. Of those who asked for one thing one was told so, and it is that one whom the journal names; who was told no is not.
5. An event, an answer, a cancel of which the caller was told is in the journal, once.
6. Rows of a step's transaction are there if and only if its result is.
7. What completed was undone once, the last one first; nothing ended before its time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from tests.crash.chaos.book import AnyLine, Asking, Began, Did, Refused, Told, Took, Trying, Wrote
from tests.crash.chaos.doings import Key, done_by, undone_wrongly
from tests.crash.chaos.jobs import SHIPPING_FAILS
from tests.crash.chaos.witness import checksum_of
from tests.crash.chaos.zombies import zombies_in
from waystation.core.encoding import decode_entry
from waystation.core.entries import (
    AnyEntry,
    CancelRequested,
    EventReceived,
    RunFailed,
    RunStarted,
    StepSucceeded,
    SuspensionAnswered,
    UndoBegun,
)
from waystation.define.nodes import UNDO
from waystation.results import suspension_id

STEPS = 17
"""What a job that has gone through all steps counts."""


@dataclass(frozen=True)
class Standing:
    """How one run stands in the store."""

    run_id: str
    status: str
    journal: Sequence[bytes]

    @property
    def entries(self) -> list[AnyEntry]:
        return [decode_entry(data) for data in self.journal]


@dataclass
class Verdict:
    """What was found.

    Attributes:
        wrong: each rule that was broken, and by what.
        counts: what happened, for people.
    """

    wrong: list[str] = field(default_factory=list[str])
    counts: Counter[str] = field(default_factory=Counter[str])
    late: list[str] = field(default_factory=list[str])

    def hold(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong.append(what)


def judge(lines: Iterable[AnyLine], standings: Sequence[Standing], payments: Sequence[tuple[str, str, str]]) -> Verdict:
    """Hold all of it against the rules."""
    verdict = Verdict()
    everything = list(lines)
    verdict.counts.update(zombies_in(everything))
    by_run: dict[str, list[AnyLine]] = defaultdict(list)
    for line in everything:
        if line.run:
            by_run[line.run].append(line)
    rows: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for run, address, token in payments:
        rows[run].append((address, token))
    known = {standing.run_id for standing in standings}
    for run in by_run.keys() - known:
        told = [line for line in by_run[run] if isinstance(line, Told) and line.answer == "accepted"]
        verdict.hold(not told, f"{run} is not in the store, but was told of: {told}")
    for standing in standings:
        _judge_run(verdict, standing, by_run[standing.run_id], rows[standing.run_id])
    return verdict


def _judge_run(verdict: Verdict, standing: Standing, lines: Sequence[AnyLine], rows: Sequence[tuple[str, str]]) -> None:
    run, entries = standing.run_id, standing.entries
    verdict.counts[f"run ended {standing.status}"] += 1
    verdict.counts["journal entry"] += len(entries)
    _judge_end(verdict, standing, entries)
    _judge_writes(verdict, standing, lines)
    _judge_repeats(verdict, run, entries, lines)
    _judge_asked(verdict, run, entries, [line for line in lines if isinstance(line, (Asking, Told))])
    _judge_cancels(verdict, run, entries, lines)
    paid = [(entry.address, _token(entry)) for entry in entries if isinstance(entry, StepSucceeded) and _pays(entry)]
    verdict.hold(sorted(paid) == sorted(rows), f"{run}: the journal has payments {paid}, the table {rows}")
    verdict.counts["transaction"] += len(paid)
    for wrong in undone_wrongly(entries):
        verdict.wrong.append(f"{run}: {wrong}")


def _pays(entry: StepSucceeded) -> bool:
    return entry.address in ("charge", "pay")


def _token(entry: StepSucceeded) -> str:
    by: str = msgspec.json.decode(entry.output)["by"]
    return by


def _judge_end(verdict: Verdict, standing: Standing, entries: Sequence[AnyEntry]) -> None:
    run, last = standing.run_id, entries[-1]
    fails = int(run.rpartition("-")[2]) % 6 == SHIPPING_FAILS
    match standing.status:
        case "success":
            outputs = [entry for entry in entries if isinstance(entry, StepSucceeded) and entry.address == "ship"]
            steps = [msgspec.json.decode(entry.output)["steps"] for entry in outputs]
            verdict.hold(steps == [STEPS] and not fails, f"{run}: succeeded with {steps}")
        case "failed":
            what = last.error.message if isinstance(last, RunFailed) else repr(last)
            verdict.hold(fails and what == "no ship", f"{run}: failed: {what}")
            verdict.hold(not (isinstance(last, RunFailed) and last.undo_errors), f"{run}: its undo failed: {last}")
        case "cancelled":
            wished = any(isinstance(entry, CancelRequested) for entry in entries)
            verdict.hold(wished, f"{run}: cancelled, and nobody asked for it")
        case status:
            verdict.wrong.append(f"{run}: has not ended, it is {status}: {entries[-2:]}")


def _judge_writes(verdict: Verdict, standing: Standing, lines: Sequence[AnyLine]) -> None:
    run, journal = standing.run_id, standing.journal
    lost: dict[tuple[str, int], int] = {}  # tried under an epoch that had an end before: to which epoch
    taken, epochs = 0, list[tuple[int, int]]()
    for line in lines:
        match line:
            case Took():
                taken = max(taken, line.epoch)
            case Trying() if 0 < line.epoch < taken:
                lost[line.who, line.number] = taken
                verdict.counts["write tried under an epoch that was over"] += 1
            case Refused() if (line.who, line.number) in lost:
                verdict.counts[f"such a write refused: {line.why}"] += 1
            case Refused():
                verdict.counts[f"write refused: {line.why}"] += 1
            case Wrote():
                late = (line.who, line.number) in lost
                verdict.hold(not late, f"{run}: written under an epoch that was lost to {taken}: {line}")
                told = journal[line.after : line.after + line.count]
                same = len(told) == line.count and checksum_of(told) == line.checksum
                verdict.hold(same, f"{run}: what was acknowledged is lost or changed: {line}")
                taken = max(taken, line.takes)
                epochs.append((line.after, line.epoch))
                verdict.counts["write acknowledged"] += 1
            case _:
                pass
    ordered = [epoch for _, epoch in sorted(epochs)]
    verdict.hold(ordered == sorted(ordered), f"{run}: an earlier epoch wrote after a later one: {sorted(epochs)}")


def _judge_repeats(verdict: Verdict, run: str, entries: Sequence[AnyEntry], lines: Sequence[AnyLine]) -> None:
    durable = _durable_from(len(entries), lines)
    done = done_by(entries)
    epochs: dict[str, int] = {}
    newest = 0
    begun: Counter[Key] = Counter()
    for place, line in enumerate(lines):
        match line:
            case Took() | Wrote():
                epoch = line.epoch if isinstance(line, Took) else line.takes
                if epoch:
                    epochs[line.who], newest = epoch, max(newest, epoch)
            case Began() | Did():
                key: Key = (
                    (line.address, line.leg, str(line.attempt))
                    if isinstance(line, Began)
                    else (line.address, line.what, "")
                )
                begun[key] += 1
                verdict.counts["step begun" if isinstance(line, Began) else "other doing"] += 1
                if key in done and durable[done[key]] < place:
                    if epochs.get(line.who, 0) < newest:
                        verdict.counts["completed step begun by one who had lost the run"] += 1
                        before = "\n      ".join(map(str, lines[max(place - 12, 0) : place]))
                        verdict.late.append(f"{run}: entry {done[key] + 1}, {line}, after\n      {before}")
                    else:
                        verdict.wrong.append(f"{run}: done, recorded as entry {done[key] + 1}, and begun again: {line}")
            case _:
                pass
    verdict.counts["step begun more than once"] += sum(times > 1 for times in begun.values())
    missing = [key for key in done if key not in begun]
    verdict.hold(not missing, f"{run}: recorded, but never begun: {missing}")


def _durable_from(count: int, lines: Sequence[AnyLine]) -> Sequence[int]:
    """For each entry the place of the line from which on it was known to be durable."""
    durable = [len(lines)] * count
    known = 0
    for place, line in enumerate(lines):
        if isinstance(line, Wrote):
            end = min(line.after + line.count, count)
            for index in range(known, end):
                durable[index] = place
            known = max(known, end)
    return durable


def _judge_asked(verdict: Verdict, run: str, entries: Sequence[AnyEntry], lines: Sequence[Asking | Told]) -> None:
    winners = _winners(run, entries)
    by_thing: Mapping[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for line in lines:
        # One that was never told, because its process was killed, does not know.
        by_thing[line.what, line.about][line.name] = line.answer if isinstance(line, Told) else "unknown"
        if isinstance(line, Told):
            verdict.counts[f"{line.what} {line.answer}"] += 1
            verdict.hold(line.answer != "fault", f"{run}: a caller met {line.error}")
    for (what, about), told in by_thing.items():
        accepted = {name for name, answer in told.items() if answer == "accepted"}
        refused = {name for name, answer in told.items() if answer == "refused"}
        winner = winners.get((what, about), set())
        if what == "cancel":
            continue  # see _judge_cancels
        if what in ("go", "decoy"):
            verdict.hold(len(winner) <= 1, f"{run}: {what} is there more than once: {winner}")
            verdict.hold(bool(winner) or not accepted, f"{run}: {what} is lost: {told}")
            continue
        verdict.hold(len(winner) <= 1, f"{run}: {what} {about} has several winners: {winner}")
        verdict.hold(accepted <= winner, f"{run}: {what} {about}: told accepted {accepted}, in the journal {winner}")
        verdict.hold(not (refused & winner), f"{run}: {what} {about}: told no, but in the journal: {refused & winner}")
        verdict.hold(winner <= told.keys(), f"{run}: {what} {about}: nobody asked what the journal has: {winner}")
        if len(told) > 1 and winner:
            verdict.counts[f"{what} raced for"] += 1


def _judge_cancels(verdict: Verdict, run: str, entries: Sequence[AnyEntry], lines: Sequence[AnyLine]) -> None:
    """A cancel of a run that has ended, or is being undone, changes nothing, and is told as done; any other is in the
    journal. So of one that is not, no step begins after it, and a compensation only if they had been begun before."""
    if any(isinstance(entry, CancelRequested) for entry in entries):
        return
    undoing = _undoing_from(entries, lines)
    cancelled = len(lines)
    for place, line in enumerate(lines):
        if isinstance(line, Told) and line.what == "cancel" and line.answer == "accepted":
            cancelled = min(cancelled, place)
        is_undo = isinstance(line, Began) and line.address.endswith(UNDO) and undoing < cancelled
        lost = cancelled < place and isinstance(line, Began) and not is_undo
        verdict.hold(not lost, f"{run}: its cancel is lost: {line}")


def _undoing_from(entries: Sequence[AnyEntry], lines: Sequence[AnyLine]) -> int:
    """The place of the line from which on the run may be undone: that a write which says so is tried. After all lines,
    if none is."""
    begun = next((index for index, entry in enumerate(entries) if isinstance(entry, UndoBegun)), None)
    for place, line in enumerate(lines):
        # It is written with what it follows from: a step's failure, which it is the next entry to.
        if begun is not None and isinstance(line, Trying) and line.after >= begun - 1:
            return place
    return len(lines)


def _winners(run: str, entries: Sequence[AnyEntry]) -> dict[tuple[str, str], set[str]]:
    """Who is in the journal, by what was asked; a name each time."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    events: Counter[str] = Counter()
    for entry in entries:
        match entry:
            case RunStarted():
                found["start", ""].add(msgspec.json.decode(entry.input)["asked"])
            case SuspensionAnswered():
                found["answer", suspension_id(run, entry.suspension)].add(entry.actor)
            case EventReceived():
                events[entry.key] += 1
                found[entry.key, ""].add(f"{entry.actor} {events[entry.key]}")
            case _:
                pass
    return found
