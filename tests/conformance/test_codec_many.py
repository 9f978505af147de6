"""Codecs where there is much: journals of several pages, long entries, and more than is done at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.blob_folders import LONG, SHORT, Watching, watching
from waystation import Blobs, Codec, CodecStore, Encryption, PayloadPlace, keys_in_use, open_store, sweep_blobs
from waystation.store.codec import deletion, usage
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run

pytestmark = pytest.mark.anyio

KEYS = {"one": Encryption.new_key()}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Watching]:
    async with watching(open_store("memory://"), tmp_path / "blobs") as watched:
        yield watched


async def opened(codec: Codec, url: str = "memory://") -> CodecStore:
    store = CodecStore(open_store(url), codec)
    await store.open()
    return store


async def test_blobs_of_a_long_journal_are_all_deleted_with_it_and_none_is_swept_before(
    there: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "_ENTRIES_AT_ONCE", 2)
    await there.store.create_run(new_run())
    await there.store.commit(commit(1, SHORT, LONG, SHORT, LONG, LONG))
    there.age(48)
    assert await sweep_blobs(there.store) == 0
    assert len(there.files()) == 3
    assert await there.store.delete_run("r1")
    assert there.files() == []


async def test_runs_that_come_due_while_others_are_known_take_their_blobs_with_them_too(there: Watching) -> None:
    for run_id, ended_at in (("a", 1), ("b", 2), ("c", 50)):
        await there.store.create_run(new_run(run_id, at=0))
        await there.store.commit(commit(1, LONG, run_id=run_id, head=head("success", at=ended_at)))
    assert await there.store.prune(10, limit=1) == 1
    assert await there.store.prune(99, limit=2) == 2
    assert there.files() == []


async def test_each_entry_and_frontier_is_counted_of_a_journal_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_ENTRIES_AT_ONCE", 2)
    store = await opened(Codec(encrypt=Encryption(keys=KEYS, primary="one")))
    await store.create_run(new_run())
    assert await keys_in_use(store) == {"one": 1}
    await store.commit(commit(1, SHORT, SHORT, SHORT, SHORT, frontier=b"state"))
    assert await keys_in_use(store) == {"one": 5 + 1}
    await store.close()


async def test_of_long_entries_that_say_the_same_each_has_a_blob_of_its_own_on_top_too(tmp_path: Path) -> None:
    # Each is sealed for its own place, so one could not be read in the place of the other.
    store = await opened(Codec(encrypt=Encryption(keys=KEYS, primary="one"), blobs=Blobs(tmp_path / "blobs", over=100)))
    await store.create_run(new_run())
    await store.commit_on_top("r1", 0, lambda _, since: commit(len(since), LONG, LONG))
    assert list(await store.read("r1")) == [CREATED, LONG, LONG]
    assert len(list((tmp_path / "blobs").rglob("*-*"))) == 2
    await store.close()


async def test_a_definition_that_is_older_than_the_encryption_is_unknown_to_who_believes_only_that(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    plain = await opened(Codec(), url)
    await plain.put_definition("f", "flow", b"{}")
    await plain.close()
    strict = await opened(Codec(encrypt=Encryption(keys=KEYS, primary="one"), only_encrypted=True), url)
    with caplog.at_level(logging.WARNING, "waystation.codec"):
        assert await strict.get_definition("f") is None
    assert "the definition 'f' is not encrypted" in caplog.text
    await strict.close()


class Noting:
    """A codec that does nothing, and notes by which threads it is asked."""

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def encode(self, data: bytes, place: PayloadPlace) -> bytes:
        self.threads.add(threading.get_ident())
        return data

    def decode(self, data: bytes, place: PayloadPlace) -> bytes:
        self.threads.add(threading.get_ident())
        return data


async def test_what_takes_long_to_encode_or_decode_is_not_done_on_the_event_loop() -> None:
    noting = Noting()
    store = await opened(Codec(encrypt=noting))
    await store.create_run(new_run())
    assert noting.threads == {threading.get_ident()}, "what is short is done at once"
    noting.threads.clear()
    await store.commit(commit(1, b"x" * 300_000))
    assert len((await store.read("r1"))[1]) == 300_000
    assert len(noting.threads) > 0
    assert threading.get_ident() not in noting.threads
    await store.close()
