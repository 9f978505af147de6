"""Runs on their way between stores: out of one as lines, and into another in one write.

What leaves is the run as of one moment; it stays as it is. What arrives is checked to its last line first, and is there
then as a whole or not at all. Nobody drives it: what was running is there to be claimed, what waits can be answered.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable

import msgspec

from waystation.core.addresses import Address
from waystation.core.encoding import decode_entry
from waystation.core.entries import RunCreated, StepSuspended
from waystation.core.refs import Seq
from waystation.errors import PayloadUnreadable, RunAlreadyExists, RunNotFound
from waystation.store.protocol import IdempotencyKeyUsed, Store
from waystation.store.records import Head, NewRun, Opened, RunRecord, RunSnapshot
from waystation.store.run_file import (
    FORMAT,
    VERSION,
    AnyLine,
    DefinitionLine,
    EndLine,
    EntryLine,
    FrontierLine,
    Header,
    KeptLine,
    RunFileReader,
    RunFileWriter,
    RunLine,
    SuspensionLine,
    kept,
    written,
)
from waystation.store.run_ids import why_no_run_id

_BYTES_AT_ONCE = 4 * 1024 * 1024
_ENTRIES_AT_ONCE = 1000
_FIRST_AT_ONCE = 10
"""So much of a journal is read at once, at most, as far as the entries before tell how long they are."""

_ENCODED = b"\xc1"
"""Begins what a codec makes of a payload, and no JSON."""

_EPOCHS_AHEAD = 1_000_000
"""An epoch grows by one each time that a run is taken over. One that arrives is so far ahead that whoever drove it
before, also since the export and in this very store, is fenced."""


async def export_run(store: Store, run_id: str) -> AsyncIterator[bytes]:
    """The run as lines, each with its end.

    Raises:
        RunNotFound: there is no such run, or it was deleted meanwhile.
        PayloadUnreadable: it is kept encoded, and ``store`` is the one within, without the codec.
    """
    found = await store.snapshot(run_id)
    if found is None:
        raise RunNotFound(f"there is no run {run_id!r} in the store", run_id=run_id)
    record = found.record
    file = RunFileWriter()
    yield file.line(Header(format=FORMAT, version=VERSION))
    yield file.line(_run_line(found))
    description = await store.get_definition(record.fingerprint)
    if description is not None:
        yield file.line(
            DefinitionLine(
                fingerprint=record.fingerprint,
                workflow_id=record.workflow_id,
                **written(_plain(description, run_id, "the definition")),
            )
        )
    async for seq, entry in _journal(store, found):
        yield file.line(EntryLine(seq=seq, **written(_plain(entry, run_id, f"entry {seq}"))))
    if found.frontier is not None:
        state = written(_plain(found.frontier, run_id, "the frontier"))
        yield file.line(FrontierLine(seq=found.frontier_seq, **state))
    for each in found.opened:
        yield file.line(SuspensionLine(seq=each.seq, address=each.address))
    yield file.end(entries=found.last_seq, suspensions=len(found.opened))


def _plain(data: bytes, run_id: str, what: str) -> bytes:
    """The bytes, which must be those that were given to be kept: what a codec made of them may be of use in this very
    store alone, where its key and its folder of blobs are."""
    if data.startswith(_ENCODED):
        raise PayloadUnreadable(
            f"{what} of run {run_id!r} is kept encoded; export it through its app, which has the codec: "
            "waystation db export --app module:variable, or export_run(app.store, ...)",
            run_id=run_id,
            place=f"{what} of run {run_id!r}",
        )
    return data


def _run_line(found: RunSnapshot) -> RunLine:
    return RunLine(**msgspec.structs.asdict(found.record), last_seq=found.last_seq)


async def _journal(store: Store, found: RunSnapshot) -> AsyncIterator[tuple[Seq, bytes]]:
    """The entries up to the snapshot's last one: they never change, and are read a few at a time."""
    run_id, seq, limit = found.record.run_id, 0, _FIRST_AT_ONCE
    while seq < found.last_seq:
        entries = await store.read(run_id, after=seq, limit=min(limit, found.last_seq - seq))
        for entry in entries:
            seq += 1
            yield seq, entry
        if not entries:
            break
        limit = max(1, min(_ENTRIES_AT_ONCE, len(entries) * _BYTES_AT_ONCE // (sum(map(len, entries)) + 1)))
    now = await store.get_run(run_id)
    if now is None or now.created_at != found.record.created_at:
        raise RunNotFound(f"run {run_id!r} was deleted while it was exported", run_id=run_id)


async def import_run(store: Store, chunks: Iterable[bytes] | AsyncIterable[bytes]) -> RunRecord:
    """Take in a run that ``export_run`` gave; its bytes may come in pieces of any size. Gives its record.

    Raises:
        RunFileInvalid: it is no whole, unchanged export; nothing was written.
        RunAlreadyExists: there is a run of that id, or of that workflow and idempotency key; nothing was changed.
    """
    arriving = _Arriving()
    if isinstance(chunks, AsyncIterable):
        async for chunk in chunks:
            arriving.take(chunk)
    else:
        for chunk in chunks:
            arriving.take(chunk)
    run, definition = arriving.whole()
    if await store.get_run(run.run_id) is not None:
        raise RunAlreadyExists(
            f"there is a run {run.run_id!r} in the store already; nothing was imported", run_id=run.run_id
        )
    if definition is not None:
        await store.put_definition(definition.fingerprint, definition.workflow_id, kept(definition))
    try:
        await store.create_run(run)
    except IdempotencyKeyUsed as used:
        raise RunAlreadyExists(
            f"run {used.run_id!r} of workflow {run.workflow_id!r} has the idempotency key of run {run.run_id!r}, "
            f"{run.idempotency_key!r}; nothing was imported",
            run_id=used.run_id,
        ) from None
    return run.record


class _Arriving:
    """A run of which line after line comes in."""

    def __init__(self) -> None:
        self._file = RunFileReader()
        self._has_header = False
        self._run: RunLine | None = None
        self._definition: DefinitionLine | None = None
        self._entries: list[bytes] = []
        self._suspended: dict[Seq, Address] = {}
        self._unread: set[Seq] = set()
        self._frontier: FrontierLine | None = None
        self._opened: list[Opened] = []
        self._ended = False

    def take(self, chunk: bytes) -> None:
        """Take in what is whole with these bytes. Raises ``RunFileInvalid``."""
        for line in self._file.feed(chunk):
            self._take(line)

    def whole(self) -> tuple[NewRun, DefinitionLine | None]:
        """The run, when all of it has come. Raises ``RunFileInvalid``."""
        for line in self._file.feed_end():
            self._take(line)
        if self._run is None or not self._ended:
            raise self._file.invalid("the file ends here, before its last line: it is torn; export it again")
        run = self._run
        head = Head(
            status=run.status,
            epoch=run.epoch + _EPOCHS_AHEAD,
            owner=None,
            fingerprint=run.fingerprint,
            updated_at=run.updated_at,
            wake_at=run.wake_at,
        )
        new = NewRun(
            run_id=run.run_id,
            workflow_id=run.workflow_id,
            version=run.version,
            fingerprint=run.fingerprint,
            created_at=run.created_at,
            entries=self._entries,
            resource_id=run.resource_id,
            idempotency_key=run.idempotency_key,
            head=head,
            frontier=None if self._frontier is None else kept(self._frontier),
            frontier_seq=None if self._frontier is None else self._frontier.seq,
            opened=self._opened,
        )
        return new, self._definition

    def _take(self, line: AnyLine) -> None:
        """Each kind of line has its place: what comes before it must be there, and nothing that comes after."""
        if self._ended:
            raise self._file.invalid("there is more after the last line")
        if isinstance(line, KeptLine):
            try:
                kept(line)
            except ValueError as error:
                raise self._file.invalid(str(error)) from None
        match line, self._run:
            case Header(), None if not self._has_header:
                self._take_header(line)
            case RunLine(), None if self._has_header:
                self._take_run(line)
            case DefinitionLine(), RunLine() as run if self._definition is None and not self._entries:
                self._take_definition(line, run)
            case EntryLine(), RunLine() as run if self._frontier is None and not self._opened:
                self._take_entry(line, run)
            case FrontierLine(), RunLine() as run if self._frontier is None and not self._opened:
                self._take_frontier(line)
            case SuspensionLine(), RunLine():
                self._take_suspension(line)
            case EndLine(), RunLine() as run:
                self._take_end(line, run)
            case _:
                raise self._file.invalid(f"a line of its kind ({type(line).__struct_config__.tag}) is not due here")

    def _take_header(self, line: Header) -> None:
        if line.format != FORMAT:
            raise self._file.invalid(f"its format is {line.format!r}, not {FORMAT!r}")
        if not 1 <= line.version <= VERSION:
            raise self._file.invalid(
                f"it is written in version {line.version} of the format, this version of Waystation reads up to "
                f"{VERSION}; upgrade Waystation here"
            )
        self._has_header = True

    def _take_run(self, line: RunLine) -> None:
        if (why_not := why_no_run_id(line.run_id)) is not None:
            raise self._file.invalid(f"a run cannot have the id {line.run_id!r}: {why_not}")
        self._run = line

    def _take_definition(self, line: DefinitionLine, run: RunLine) -> None:
        if (line.fingerprint, line.workflow_id) != (run.fingerprint, run.workflow_id):
            raise self._file.invalid(f"it is not the definition that the run follows, {run.fingerprint!r}")
        self._definition = line

    def _take_entry(self, line: EntryLine, run: RunLine) -> None:
        due = len(self._entries) + 1
        if line.seq != due:
            raise self._file.invalid(f"the entry's seq is {line.seq}, and that of the next one is {due}")
        if isinstance(line.base64, bytes):
            self._unread.add(line.seq)
        else:
            self._check_entry(line, run)
        self._entries.append(kept(line))

    def _check_entry(self, line: EntryLine, run: RunLine) -> None:
        """What can be read must be an entry, and the first one that of this run."""
        try:
            entry = decode_entry(kept(line))
        except (msgspec.DecodeError, RecursionError) as error:
            raise self._file.invalid(
                f"entry {line.seq} is none that this version of Waystation knows: {error}"
            ) from None
        if line.seq == 1:
            match entry:
                case RunCreated(workflow_id=run.workflow_id, version=run.version):
                    pass
                case _:
                    raise self._file.invalid("the journal does not begin with the creation of this run")
        if isinstance(entry, StepSuspended):
            self._suspended[line.seq] = entry.address

    def _take_frontier(self, line: FrontierLine) -> None:
        if line.seq > len(self._entries):
            raise self._file.invalid(f"the frontier is as of entry {line.seq}, and there are {len(self._entries)}")
        self._frontier = line

    def _take_suspension(self, line: SuspensionLine) -> None:
        last = self._opened[-1].seq if self._opened else 0
        if not last < line.seq <= len(self._entries):
            raise self._file.invalid(f"there is no suspension {line.seq} after suspension {last}")
        if line.seq not in self._unread and self._suspended.get(line.seq) != line.address:
            raise self._file.invalid(f"entry {line.seq} is not a suspension of {line.address!r}")
        self._opened.append(Opened(seq=line.seq, address=line.address))

    def _take_end(self, line: EndLine, run: RunLine) -> None:
        there = (len(self._entries), len(self._opened))
        if (line.entries, line.suspensions) != there or run.last_seq != there[0]:
            raise self._file.invalid(
                f"{there[0]} entries and {there[1]} suspensions came before it, not {line.entries} and "
                f"{line.suspensions}: it is torn; export it again"
            )
        self._ended = True
