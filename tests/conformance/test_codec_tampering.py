"""Hands that reach into a store: what they change or move is not believed."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from waystation import Blobs, Codec, CodecStore, Compression, Encryption, open_store
from waystation.errors import BlobMissing, PayloadDamaged, PayloadNotEncrypted, PayloadUnreadable
from waystation.testing.store_suite.writes import commit, new_run, opened

pytestmark = pytest.mark.anyio

KEYS = {"one": Encryption.new_key(), "two": Encryption.new_key()}


def strict(folder: Path, *, over: int | None = None) -> Codec:
    return Codec(
        compress=Compression(over=100),
        encrypt=Encryption(keys=KEYS, primary="one"),
        blobs=Blobs(folder / "blobs", over=over),
        only_encrypted=True,
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[CodecStore]:
    """Two runs of three entries, the second in a blob if it is long, and a frontier; and a definition."""
    store = CodecStore(open_store(f"sqlite:///{tmp_path}/runs.db"), strict(tmp_path))
    await store.open()
    for run_id in ("r1", "r2"):
        await store.create_run(new_run(run_id))
        await store.commit(commit(1, b"same", run_id=run_id, frontier=b"early", opened=[opened(2, "a")]))
        await store.commit(commit(2, b"same", run_id=run_id, frontier=b"state"))
    await store.put_definition("f", "flow", b"definition " * 20)
    await store.put_definition("g", "flow", b"definition " * 20)
    yield store
    await store.close()


class Hands:
    """Reads and writes the file of a store behind its back."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "runs.db"

    def run(self, sql: str, *parameters: object) -> list[tuple[bytes, ...]]:
        with closing(sqlite3.connect(self._file)) as connection, connection:
            return connection.execute(sql, parameters).fetchall()

    def entry(self, run_id: str, seq: int) -> bytes:
        ((entry,),) = self.run(
            "SELECT entry FROM waystation_journal JOIN waystation_runs USING (run_no) WHERE run_id = ? AND seq = ?",
            run_id,
            seq,
        )
        return entry

    def put_entry(self, run_id: str, seq: int, entry: bytes) -> None:
        self.run(
            "UPDATE waystation_journal SET entry = ? WHERE seq = ? "
            "AND run_no = (SELECT run_no FROM waystation_runs WHERE run_id = ?)",
            entry,
            seq,
            run_id,
        )

    def frontier(self, run_id: str) -> bytes:
        ((state,),) = self.run(
            "SELECT state FROM waystation_frontiers JOIN waystation_runs USING (run_no) WHERE run_id = ?", run_id
        )
        return state

    def put_frontier(self, run_id: str, state: bytes) -> None:
        self.run(
            "UPDATE waystation_frontiers SET state = ? "
            "WHERE run_no = (SELECT run_no FROM waystation_runs WHERE run_id = ?)",
            state,
            run_id,
        )


@pytest.fixture
def hands(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


async def refusals(store: CodecStore, run_id: str, seqs: Sequence[int]) -> list[type[PayloadUnreadable]]:
    """How each way of reading these entries is refused; all of them name the run and the entry."""
    told: list[type[PayloadUnreadable]] = []
    for seq in seqs:
        for reading in (store.read(run_id), store.read(run_id, after=seq - 1, limit=1), store.read_some(run_id, [seq])):
            with pytest.raises(PayloadUnreadable) as caught:
                await reading
            assert caught.value.run_id == run_id
            assert caught.value.place.startswith("entry ")
            told.append(type(caught.value))
    return told


async def test_a_flipped_bit_in_an_entry_is_refused_wherever_it_is_read(store: CodecStore, hands: Hands) -> None:
    kept = hands.entry("r1", 2)
    for at in range(len(kept)):
        hands.put_entry("r1", 2, kept[:at] + bytes([kept[at] ^ 1 << at % 8]) + kept[at + 1 :])
        assert len(await refusals(store, "r1", [2])) == 3
    with pytest.raises(PayloadUnreadable, match="entry 2 of run 'r1'"):
        await store.open_suspensions()
    assert list(await store.read("r2")) == [b'"created"', b"same", b"same"], "others are whole"
    hands.put_entry("r1", 2, kept)
    assert (await store.read_some("r1", [2])) == {2: b"same"}


async def test_two_entries_that_changed_places_are_refused_though_they_say_the_same(
    store: CodecStore, hands: Hands
) -> None:
    second, third = hands.entry("r1", 2), hands.entry("r1", 3)
    hands.put_entry("r1", 2, third)
    hands.put_entry("r1", 3, second)
    assert set(await refusals(store, "r1", [2, 3])) == {PayloadDamaged}


async def test_an_entry_of_another_run_is_refused(store: CodecStore, hands: Hands) -> None:
    hands.put_entry("r1", 2, hands.entry("r2", 2))
    assert set(await refusals(store, "r1", [2])) == {PayloadDamaged}


async def test_a_frontier_that_was_changed_or_is_of_another_moment_run_or_kind_is_refused(
    tmp_path: Path, hands: Hands
) -> None:
    store = CodecStore(open_store(f"sqlite:///{tmp_path}/runs.db"), strict(tmp_path))
    await store.open()
    for run_id in ("r1", "r2"):
        await store.create_run(new_run(run_id))
        await store.commit(commit(1, b"2", run_id=run_id, frontier=b"early"))
    early = hands.frontier("r1")
    await store.commit(commit(2, b"3", frontier=b"state"))
    await store.commit(commit(2, b"3", run_id="r2", frontier=b"state"))
    good = hands.frontier("r1")
    for other in (early, hands.frontier("r2"), hands.entry("r1", 3), good[:-1] + b"x", b"{}", b""):
        hands.put_frontier("r1", other)
        for reading in (store.load("r1"), store.snapshot("r1")):
            with pytest.raises(PayloadUnreadable, match="the frontier of run 'r1' as of entry 3"):
                await reading
    hands.put_frontier("r1", good)
    assert await store.load("r1") is not None
    await store.close()


async def test_a_definition_of_another_fingerprint_is_refused(store: CodecStore, hands: Hands) -> None:
    ((kept,),) = hands.run("SELECT description FROM waystation_definitions WHERE fingerprint = 'g'")
    hands.run("UPDATE waystation_definitions SET description = ? WHERE fingerprint = 'f'", kept)
    with pytest.raises(PayloadDamaged, match="the definition 'f'"):
        await store.get_definition("f")
    assert await store.get_definition("g") == b"definition " * 20


async def test_a_plain_entry_put_in_the_place_of_an_encrypted_one_is_refused_by_who_believes_only_those(
    store: CodecStore, hands: Hands, tmp_path: Path
) -> None:
    hands.put_entry("r1", 2, b'{"forged":true}')
    assert set(await refusals(store, "r1", [2])) == {PayloadNotEncrypted}
    lenient = Codec(encrypt=Encryption(keys=KEYS, primary="one"))
    trusting = CodecStore(open_store(f"sqlite:///{tmp_path}/runs.db"), lenient)
    await trusting.open()
    # That is what only_encrypted is for, and why the guide tells to set it.
    assert (await trusting.read("r1"))[1] == b'{"forged":true}'
    await trusting.close()


async def test_a_blob_that_was_changed_moved_or_put_in_plain_is_refused(tmp_path: Path, hands: Hands) -> None:
    store = CodecStore(open_store(f"sqlite:///{tmp_path}/runs.db"), strict(tmp_path, over=100))
    await store.open()
    seen: set[Path] = set()
    files: dict[tuple[str, int], Path] = {}
    secret = [bytes(range(256)), bytes(range(255, -1, -1))]
    for run_id, seq in itertools.product(("r1", "r2"), (2, 3)):
        if seq == 2:
            await store.create_run(new_run(run_id))
        await store.commit(commit(seq - 1, secret[seq - 2], run_id=run_id))
        (files[run_id, seq],) = set((tmp_path / "blobs").rglob("*-*")) - seen
        seen.add(files[run_id, seq])
    whole = files["r1", 2].read_bytes()
    for other in (whole[:-1], whole + b"x", whole[:-1] + bytes([whole[-1] ^ 1]), files["r1", 3].read_bytes(), b""):
        files["r1", 2].write_bytes(other)
        assert set(await refusals(store, "r1", [2])) == {PayloadDamaged}
    files["r1", 2].write_bytes(whole)
    kept = hands.entry("r1", 2)
    # A reference leads nowhere from another run; from another entry it leads to what is for this one alone.
    hands.put_entry("r1", 2, hands.entry("r2", 2))
    assert set(await refusals(store, "r1", [2])) == {BlobMissing}
    hands.put_entry("r1", 2, hands.entry("r1", 3))
    assert set(await refusals(store, "r1", [2])) == {PayloadDamaged}
    for at in range(len(kept)):
        hands.put_entry("r1", 2, kept[:at] + bytes([kept[at] ^ 1 << at % 8]) + kept[at + 1 :])
        assert len(await refusals(store, "r1", [2])) == 3
    hands.put_entry("r1", 2, kept)
    files["r1", 2].unlink()
    with pytest.raises(
        BlobMissing, match=r"entry 2 of run 'r1' is kept in the blob '.*' of .*blobs, and it is not there"
    ):
        await store.read("r1")
    await store.close()
