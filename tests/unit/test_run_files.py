"""The file that a run travels in: whatever a store keeps comes through it byte for byte, and no other file gets in."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waystation import Store, open_store
from waystation.core.addresses import Address
from waystation.core.encoding import encode_entry
from waystation.core.entries import AnyEntry, RunCreated, RunStarted, StepSucceeded, StepSuspended
from waystation.errors import RunFileInvalid
from waystation.store.records import Head, NewRun, Opened, RunFilter, RunStatus
from waystation.store.transfer import export_run, import_run

pytestmark = pytest.mark.anyio

Lines = list[dict[str, Any]]


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def journal(outputs: Sequence[object] = (1, "é")) -> list[bytes]:
    """A journal whose last entry is a suspension."""
    entries: list[AnyEntry] = [
        RunCreated(at=1, workflow_id="flow", fingerprint="f", version="2"),
        RunStarted(at=2, input=raw({"id": 1})),
        *(
            StepSucceeded(at=3, address=Address(f"s{number}"), attempt=1, began=2, output=raw(output))
            for number, output in enumerate(outputs)
        ),
        StepSuspended(at=4, address=Address("gate"), attempt=1, began=3, payload=raw("why")),
    ]
    return [encode_entry(entry) for entry in entries]


def a_run(entries: Sequence[bytes] | None = None, **changes: Any) -> NewRun:
    """A suspended run."""
    entries = journal() if entries is None else entries
    run = NewRun(
        run_id="r1",
        workflow_id="flow",
        version="2",
        fingerprint="f",
        created_at=1,
        entries=entries,
        resource_id="order-7",
        idempotency_key="k",
        head=Head(status="suspended", epoch=3, owner=None, fingerprint="f", updated_at=4, wake_at=99),
        frontier=b'{"format":1}',
        frontier_seq=len(entries),
        opened=[Opened(seq=len(entries), address=Address("gate"))],
    )
    return msgspec.structs.replace(run, **changes)


async def store_with(*runs: NewRun, description: bytes | None = b'{"steps":[]}') -> Store:
    store = open_store("memory://")
    await store.open()
    if description is not None:
        await store.put_definition("f", "flow", description)
    for run in runs:
        await store.create_run(run)
    return store


async def exported(store: Store, run_id: str = "r1") -> bytes:
    return b"".join([line async for line in export_run(store, run_id)])


def lines_of(file: bytes) -> Lines:
    return [json.loads(line) for line in file.splitlines()]


def file_of(lines: Lines, *, signed: bool = True) -> bytes:
    """The lines as a file, whose last line has the digest of what it has become."""
    *before, end = lines
    body = b"".join(msgspec.json.encode(line) + b"\n" for line in before)
    if signed:
        end = {**end, "sha256": hashlib.sha256(body).hexdigest()}
    return body + msgspec.json.encode(end) + b"\n"


def in_pieces(file: bytes, size: int) -> Iterator[bytes]:
    return (file[at : at + size] for at in range(0, len(file), size))


async def is_empty(store: Store) -> bool:
    return not (await store.list_runs(RunFilter(), limit=1)).runs and await store.get_definition("f") is None


# ------------------------------------------------------------------ what goes through

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
# What is no JSON. The rest is for the file to find out.
_opaque = st.binary(max_size=40).map(lambda data: b"\x00" + data)
_layout = st.sampled_from([b'{"a": 1}', b' {"a":1}', b'{"a":1}\n', b'"\xff"', b"[" * 2000 + b"]" * 2000, b"1\r", b""])
_kept = (
    st.binary(max_size=40).filter(lambda data: not data.startswith(b"\xc1")) | _json.map(msgspec.json.encode) | _layout
)
_time = st.integers(-(2**40), 2**50)


@st.composite
def runs(draw: st.DrawFn) -> NewRun:
    """Runs of any kind, as a store may have them."""
    entries = journal(draw(st.lists(_json, max_size=4))) + draw(st.lists(_opaque, max_size=3))
    seqs = draw(st.lists(st.integers(1, len(entries)), unique=True, max_size=3).map(sorted))
    gate = next(seq for seq, entry in enumerate(entries, 1) if b"step-suspended" in entry)
    return a_run(
        entries,
        resource_id=draw(st.none() | st.text()),
        idempotency_key=draw(st.none() | st.text()),
        head=Head(
            status=draw(st.sampled_from(get_args(RunStatus))),
            epoch=draw(st.integers(0, 2**40)),
            owner=draw(st.none() | st.text()),
            fingerprint="f",
            updated_at=draw(_time),
            wake_at=draw(st.none() | _time),
        ),
        created_at=draw(_time),
        frontier=draw(st.none() | _kept),
        frontier_seq=draw(st.integers(1, len(entries))),
        opened=[Opened(seq=seq, address=Address("gate" if seq == gate else "other")) for seq in seqs if seq >= gate],
    )


@settings(deadline=None)
@given(run=runs(), description=st.none() | _kept, size=st.integers(1, 5000))
def test_every_run_arrives_byte_for_byte_in_pieces_of_any_size(
    run: NewRun, description: bytes | None, size: int
) -> None:
    async def travel() -> None:
        old, new = await store_with(run, description=description), await store_with(description=None)
        file = await exported(old)
        arrived = await import_run(new, in_pieces(file, size))
        left = await old.snapshot("r1")
        there = await new.snapshot("r1")
        assert left is not None
        assert there is not None
        assert there.record == arrived == msgspec.structs.replace(left.record, epoch=arrived.epoch, owner=None)
        assert arrived.epoch > left.record.epoch
        assert list(await new.read("r1")) == list(run.entries)
        assert (there.frontier, there.frontier_seq) == (left.frontier, left.frontier_seq)
        assert list(there.opened) == list(left.opened)
        assert await new.get_definition("f") == description
        again = zip(lines_of(file), lines_of(await exported(new)), strict=True)
        differing = [line["line"] for line, other in again if line != other]
        assert differing == ["run", "end"], "but for its epoch and owner it is the same file"

    asyncio.run(travel())


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b" 1", b"1 ", b'{"a":1}\n', b"[1,\n2]", b"[1,\r2]", b'"\xff"', b"{", b"1 2", b"\x00", b"nul"),
        b"[" * 5000 + b"]" * 5000,
        b"[" * 301 + b"]" * 301,
    ],
)
async def test_bytes_that_are_not_json_on_one_line_come_through_too(data: bytes) -> None:
    store, other = await store_with(a_run(frontier=data)), await store_with(description=None)
    file = await exported(store)
    (frontier,) = [line for line in lines_of(file) if line["line"] == "frontier"]
    assert set(frontier) == {"line", "seq", "base64"}
    await import_run(other, [file])
    arrived = await other.snapshot("r1")
    assert arrived is not None
    assert arrived.frontier == data


async def test_a_file_can_be_read_by_eye() -> None:
    lines = lines_of(await exported(await store_with(a_run())))
    assert [line["line"] for line in lines] == [
        *("header", "run", "definition", "entry", "entry", "entry", "entry", "entry", "frontier", "suspension", "end")
    ]
    assert lines[0] == {"line": "header", "format": "waystation-run", "version": 1}
    assert lines[1]["idempotency_key"] == "k"
    assert lines[2]["value"] == {"steps": []}
    assert [line["value"]["kind"] for line in lines[3:8]] == [
        *("run-created", "run-started", "step-succeeded", "step-succeeded", "step-suspended")
    ]
    assert lines[9] == {"line": "suspension", "seq": 5, "address": "gate"}
    assert (lines[10]["entries"], lines[10]["suspensions"]) == (5, 1)


async def test_of_a_run_that_has_not_changed_there_is_one_file() -> None:
    store = await store_with(a_run())
    assert await exported(store) == await exported(store)


# ------------------------------------------------------------------ what does not


async def test_a_file_torn_anywhere_is_refused() -> None:
    file = await exported(await store_with(a_run()))
    store = await store_with(description=None)
    for length in range(len(file) - 1):
        with pytest.raises(RunFileInvalid):
            await import_run(store, [file[:length]])
    assert await is_empty(store)
    assert (await import_run(store, [file[:-1]])).run_id == "r1", "its last line is whole without its end"


async def test_a_file_with_any_byte_changed_is_refused() -> None:
    file = await exported(await store_with(a_run()))
    store = await store_with(description=None)
    for at in range(len(file)):
        for changed in (file[at] ^ 1, file[at] ^ 32):
            with pytest.raises(RunFileInvalid):
                await import_run(store, [file[:at], bytes([changed]), file[at + 1 :]])
    assert await is_empty(store)


async def test_a_torn_file_is_told_by_what_is_wrong_with_it() -> None:
    file = await exported(await store_with(a_run()))
    with pytest.raises(RunFileInvalid, match=r"line 10 of the run's file: the file ends here.*torn") as caught:
        await import_run(await store_with(), [b"".join(file.splitlines(keepends=True)[:-1])])
    assert caught.value.line == 10
    with pytest.raises(RunFileInvalid, match=r"line 0 .*torn"):
        await import_run(await store_with(), [])
    with pytest.raises(RunFileInvalid, match="not the beginning of a run's export"):
        await import_run(await store_with(), [b"PK\x03\x04 a zip file\n"])


def changed(number: int, **values: object) -> Callable[[Lines], object]:
    return lambda lines: lines[number].update(values)


def without(number: int, name: str) -> Callable[[Lines], object]:
    return lambda lines: lines[number].pop(name)


HEADER, RUN, DEFINITION, CREATED, STARTED, GATE, FRONTIER, SUSPENSION, END = 0, 1, 2, 3, 4, 7, 8, 9, 10


# What a hand, or another program, may have made of a file whose digest is right; the line that is told; and why.
WRONG: dict[str, tuple[Callable[[Lines], object], int, str]] = {
    "another format": (changed(HEADER, format="tar"), 1, "its format is 'tar', not 'waystation-run'"),
    "a later version": (changed(HEADER, version=2, more=1), 1, "version 2 .* reads up to 1; upgrade"),
    "no version at all": (changed(HEADER, version=0), 1, "version 0"),
    "no header": (lambda lines: lines.pop(HEADER), 1, r"\(run\) is not due here"),
    "two headers": (lambda lines: lines.insert(1, lines[HEADER]), 2, r"\(header\) is not due"),
    "no run": (lambda lines: lines.pop(RUN), 2, r"\(definition\) is not due"),
    "two runs": (lambda lines: lines.insert(2, lines[RUN]), 3, r"\(run\) is not due"),
    "an unknown status": (changed(RUN, status="sleepy"), 2, "sleepy"),
    "an unknown field": (changed(RUN, colour="red"), 2, "colour"),
    "a field that is missing": (without(RUN, "epoch"), 2, "epoch"),
    "a field of another type": (changed(RUN, created_at="today"), 2, "created_at"),
    "a time too far": (changed(RUN, created_at=2**63), 2, "created_at"),
    "an epoch below zero": (changed(RUN, epoch=-1), 2, "epoch"),
    "an id that is none": (changed(RUN, run_id="a\tb"), 2, "cannot have the id"),
    "an id that is another place": (changed(RUN, run_id=".."), 2, "in the path of an address"),
    "an id that is empty": (changed(RUN, run_id=""), 2, "run_id"),
    "an id that is too long": (changed(RUN, run_id="x" * 201), 2, "run_id"),
    "another definition": (changed(DEFINITION, fingerprint="g"), 3, "not the definition that the run follows, 'f'"),
    "a definition too late": (lambda lines: lines.insert(4, lines.pop(DEFINITION)), 5, r"\(definition\) is not due"),
    "an entry that is missing": (lambda lines: lines.pop(STARTED), 5, "seq is 3, and that of the next one is 2"),
    "an entry twice": (lambda lines: lines.insert(5, lines[STARTED]), 6, "seq is 2, and that of the next one is 3"),
    "an entry of no kind": (changed(STARTED, value={"kind": "danced"}), 5, "none that this version .* knows: .*danced"),
    "an entry that is no object": (changed(STARTED, value=7), 5, "none that this version"),
    "an entry twice in a line": (changed(STARTED, base64="AAAA"), 5, "either a value or base64"),
    "an entry without a value": (without(STARTED, "value"), 5, "either a value or base64"),
    "base64 that is none": (
        lambda lines: (lines[STARTED].pop("value"), lines[STARTED].update(base64="%")),
        5,
        "base64",
    ),
    "another workflow's journal": (changed(RUN, workflow_id="f2"), 3, "not the definition"),
    "another version's journal": (changed(RUN, version="3"), 4, "does not begin with the creation of this run"),
    "a journal without its beginning": (
        lambda lines: lines[CREATED].update(value=lines[STARTED]["value"]),
        4,
        "does not begin with the creation",
    ),
    "a frontier beyond the end": (changed(FRONTIER, seq=6), 9, "as of entry 6, and there are 5"),
    "two frontiers": (lambda lines: lines.insert(9, lines[FRONTIER]), 10, r"\(frontier\) is not due"),
    "an entry after the frontier": (lambda lines: lines.insert(9, lines[GATE]), 10, r"\(entry\) is not due"),
    "a suspension beyond the end": (changed(SUSPENSION, seq=6), 10, "no suspension 6"),
    "a suspension twice": (lambda lines: lines.insert(10, lines[SUSPENSION]), 11, "no suspension 5 after suspension 5"),
    "a suspension of another step": (changed(SUSPENSION, address="door"), 10, "not a suspension of 'door'"),
    "a suspension of what did not suspend": (changed(SUSPENSION, seq=2), 10, "entry 2 is not a suspension"),
    "entries counted wrongly": (changed(END, entries=4), 11, "5 entries and 1 suspensions .* not 4 and 1"),
    "suspensions counted wrongly": (changed(END, suspensions=2), 11, "not 5 and 2"),
    "a run that says it is longer": (changed(RUN, last_seq=6), 11, "torn"),
    "a kind of line that is unknown": (lambda lines: lines.insert(3, {"line": "secret"}), 4, "secret"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_file_that_is_wrong_is_refused_with_the_line_and_why(name: str) -> None:
    change, line, why = WRONG[name]
    lines = lines_of(await exported(await store_with(a_run())))
    change(lines)
    store = await store_with(description=None)
    with pytest.raises(RunFileInvalid, match=why) as caught:
        await import_run(store, [file_of(lines)])
    assert caught.value.line == line
    assert caught.value.message.startswith(f"line {line} of the run's file: ")
    assert caught.value.message.endswith("Nothing was imported")
    assert await is_empty(store)


async def test_what_comes_after_the_last_line_is_refused() -> None:
    file = await exported(await store_with(a_run(opened=[])))
    suspension = msgspec.json.encode({"line": "suspension", "seq": 5, "address": "gate"}) + b"\n"
    for more in (b"\n", b"{}\n", suspension, file):
        store = await store_with(description=None)
        with pytest.raises(RunFileInvalid):
            await import_run(store, [file, more])
        assert await is_empty(store)


async def test_an_edit_is_noticed_by_the_digest_alone() -> None:
    lines = lines_of(await exported(await store_with(a_run())))
    lines[RUN]["resource_id"] = "order-8"
    with pytest.raises(RunFileInvalid, match="SHA-256 differs"):
        await import_run(await store_with(), [file_of(lines, signed=False)])
    assert (await import_run(await store_with(), [file_of(lines)])).resource_id == "order-8"
