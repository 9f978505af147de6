"""Runs whose data is kept encoded: whole workflows, restarts, keys that change, and hands that reach into the store."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.secretive import (
    KEYS,
    LONG,
    RESULT,
    SECRETS,
    answered,
    asked,
    calls,
    everything,
    failing,
    napping,
    secretive,
    shown,
)
from tests.conformance.stock import comes_to, lost, won
from tests.conformance.waiting import until
from waystation import Blobs, Codec, Compression, Encryption, export_run, import_run, keys_in_use
from waystation.errors import CodecInvalid, PayloadKeyMissing, PayloadNotEncrypted, PayloadUnreadable
from waystation.store.codec.payloads import ENCRYPTED, MARK, OUTSIDE

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    calls.clear()


async def test_a_run_goes_through_restarts_and_is_the_same_as_without_a_codec(place: Place, tmp_path: Path) -> None:
    codec = everything(tmp_path)
    async with place.app(secretive, codec=codec) as app:
        await asked(app, "r1")
    async with place.app(secretive, codec=codec) as app:
        (suspension,) = await app.pending()
        assert suspension.payload == SECRETS["ask"] * LONG
        assert await answered(app, "r1") == RESULT
    async with place.app(secretive, codec=codec) as app:
        run = await app.get_run("r1")
        assert won(await run.wait()) == RESULT
        assert calls == ["review", "effect", "review", "finish"]
        forked = await run.fork(from_step="finish")
        assert won(await forked.wait()) == RESULT
        assert calls[4:] == ["finish"], "what came before is shared, and was encoded anew for the new run"
        assert (await forked.history()).steps[0].output == (await run.history()).steps[0].output
    kept = await place.journal("r1")
    assert {entry[: len(MARK) + 1] for entry in kept} == {ENCRYPTED, OUTSIDE}


async def test_nothing_of_the_data_is_to_be_found_in_what_is_kept(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with place.app(secretive, failing, codec=everything(tmp_path)) as app:
        await asked(app, "r1")
        assert await answered(app, "r1") == RESULT
        assert SECRETS["error"] in lost(await app.get_workflow(failing).start("x")).message
        await asked(app, "r2")
    found = await shown(place) + caplog.text.encode()
    journals = b"\n".join([*await place.journal("r1"), *await place.journal("r2")])
    for text in (found, journals):
        assert [name for name, secret in SECRETS.items() if secret.encode() in text] == []
        assert [name for name, key in KEYS.items() if key.encode() in text] == []
    assert len(list((tmp_path / "blobs").rglob("*-*"))) > 3, "and some of it is beside the store"


async def test_without_a_codec_all_of_it_would_be_found(tmp_path: Path) -> None:
    place = Place("sqlite", tmp_path)
    async with place.app(secretive, failing) as app:
        await asked(app, "r1")
        await answered(app, "r1")
        await app.get_workflow(failing).start("x")
    found = await shown(place)
    assert [name for name, secret in SECRETS.items() if secret.encode() not in found] == []


# ------------------------------------------------------------------ switched on, off and changed


async def test_a_store_goes_on_when_a_codec_is_switched_on_and_changed_and_switched_off_in_part(
    place: Place, tmp_path: Path
) -> None:
    blobs = Blobs(tmp_path / "blobs", over=100)
    encrypt = Encryption(keys=KEYS, primary="one")
    codecs = [
        None,
        Codec(compress=Compression(over=0)),
        Codec(compress=Compression(over=0), encrypt=encrypt, blobs=blobs),
        Codec(encrypt=Encryption(keys=KEYS, primary="two"), blobs=blobs),
        Codec(encrypt=Encryption(keys=KEYS, primary=None), blobs=Blobs(tmp_path / "blobs", over=None)),
    ]
    for number, codec in enumerate(codecs):
        async with place.app(secretive, codec=codec) as app:
            await asked(app, f"r{number}")
            for before in range(number):
                # A run that was parked under the codec before goes on under this one, in turn with what is older.
                if before == number - 1:
                    assert await answered(app, f"r{before}") == RESULT
                assert won(await (await app.get_run(f"r{before}")).wait()) == RESULT
    plain = await place.journal("r4")
    assert not any(entry.startswith(MARK) for entry in plain)


async def test_keys_are_rotated_across_restarts_and_old_ones_stay_readable(place: Place, tmp_path: Path) -> None:
    def with_keys(*names: str) -> Codec:
        return Codec(encrypt=Encryption(keys={name: KEYS[name] for name in names}, primary=names[-1]))

    async with place.app(secretive, codec=with_keys("one")) as app:
        await asked(app, "r1")
    async with place.app(secretive, codec=with_keys("one", "two")) as app:
        await asked(app, "r2")
        assert await answered(app, "r1") == RESULT
    first, *_, last = await place.journal("r1")
    assert (key_of(first), key_of(last)) == ("one", "two")
    async with place.app(secretive, codec=with_keys("two", "three")) as app:
        assert await answered(app, "r2") == RESULT
        with pytest.raises(PayloadKeyMissing, match="run 'r1' is encrypted with key 'one'") as caught:
            await (await app.get_run("r1")).history()
        assert (caught.value.key_id, caught.value.run_id) == ("one", "r1")
    # The key of the day on which the definition was kept is gone; runs of today go on all the same.
    async with place.app(secretive, codec=with_keys("two", "three")) as app:
        exported = [line async for line in export_run(app.store, "r2")]
        assert not any(b'"line":"definition"' in line for line in exported)


async def test_which_keys_are_in_use_is_told_without_any_of_them(place: Place, tmp_path: Path) -> None:
    async with place.app(secretive) as app:
        await asked(app, "plain")
    for key in ("one", "two"):
        async with place.app(secretive, codec=Codec(encrypt=Encryption(keys={key: KEYS[key]}, primary=key))) as app:
            await asked(app, f"with {key}")
            await asked(app, f"with {key} too")
    async with place.app(secretive, codec=everything(tmp_path, "three", over=10)) as app:
        await asked(app, "outside")
        used = await keys_in_use(app.store)
        assert used == {"": used[""], "one": 2 * used[""], "two": 2 * used[""], "three": used[""]}
        assert used[""] > 4
        for run_id in ("with one", "with one too"):
            assert await app.store.delete_run(run_id)
        assert set(await keys_in_use(app.store)) == {"", "two", "three"}
    async with place.app(secretive) as app:
        with pytest.raises(CodecInvalid, match="without a codec"):
            await keys_in_use(app.store)


def key_of(kept: bytes) -> str:
    body = kept.removeprefix(ENCRYPTED)
    return body[2 : 2 + body[1]].decode()


async def test_a_missing_key_leaves_a_run_alone_that_goes_on_when_the_key_is_there(
    place: Place, tmp_path: Path
) -> None:
    both = everything(tmp_path, "one", "two")
    async with place.app(secretive, codec=everything(tmp_path, "one")) as app:
        await asked(app, "r1")
    before = await place.journal("r1")
    async with place.app(secretive, codec=everything(tmp_path, "two")) as app:
        run = await app.get_run("r1")
        for refused in (run.resume(step="review", data="x"), run.fork(from_step="review"), app.pending(), run.result()):
            with pytest.raises(PayloadKeyMissing):
                await refused
        await asked(app, "others")
        (misfit,) = await app.check()
        assert misfit.run_id == "r1"
        assert "key 'one'" in misfit.reasons[0]
    assert await place.journal("r1") == before
    async with place.app(secretive, codec=both) as app:
        assert await answered(app, "r1") == RESULT


async def test_a_process_without_the_key_does_not_take_a_run_from_one_that_has_it(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    clock = OwnTime()
    with_one, with_two = (Codec(encrypt=Encryption(keys={key: KEYS[key]}, primary=key)) for key in ("one", "two"))
    async with place.app(napping, codec=with_two, clock=clock) as app:
        run = await app.get_workflow(napping).start_async("x")
        await comes_to(run, "waiting")
    clock.move(timedelta(days=1))
    async with place.app(napping, codec=with_one, clock=clock) as lacking:

        async def is_left_alone() -> bool:
            return f"run {run.run_id} is left alone" in caplog.text and "key 'two'" in caplog.text

        await until(is_left_alone)
        assert await (await lacking.get_run(run.run_id)).status() == "waiting"
        async with place.app(napping, codec=with_two, clock=clock) as having:
            assert won(await (await having.get_run(run.run_id)).wait()) == "x"


async def test_an_app_without_the_codec_says_that_it_needs_it(place: Place, tmp_path: Path) -> None:
    async with place.app(secretive, codec=everything(tmp_path)) as app:
        await asked(app, "r1")
    async with place.app(secretive) as app:
        run = await app.get_run("r1")
        for refused in (run.resume(step="review", data="x"), app.pending(), run.history()):
            with pytest.raises(PayloadUnreadable, match=r"run 'r1' is kept encoded.*Waystation\(codec=") as caught:
                await refused
            assert caught.value.run_id == "r1"


async def test_an_app_that_believes_only_what_is_encrypted_takes_up_nothing_plain(place: Place, tmp_path: Path) -> None:
    async with place.app(secretive) as app:
        await asked(app, "r1")
    async with place.app(secretive, codec=everything(tmp_path)) as app:
        run = await app.get_run("r1")
        with pytest.raises(PayloadNotEncrypted, match=r"run 'r1'.* is not encrypted"):
            await run.resume(step="review", data="x")


# ------------------------------------------------------------------ from store to store


async def test_a_run_travels_to_another_store_and_is_kept_there_by_its_codec(place: Place, tmp_path: Path) -> None:
    async with place.app(secretive, codec=everything(tmp_path, "one")) as app:
        await asked(app, "r1")
        exported = b"".join([line async for line in export_run(app.store, "r1")])
    assert SECRETS["once"].encode() in exported, "a file that travels is plain: who has it needs no key"
    there = Place("sqlite", tmp_path / "there")
    there.folder.mkdir()
    async with there.app(secretive, codec=everything(tmp_path, "two")) as app:
        await import_run(app.store, [exported])
        again = b"".join([line async for line in export_run(app.store, "r1")])
        assert entries_in(again) == entries_in(exported)
        assert await answered(app, "r1") == RESULT
    assert all(entry.startswith((ENCRYPTED, OUTSIDE)) for entry in await there.journal("r1"))


def entries_in(exported: bytes) -> list[bytes]:
    return [line for line in exported.splitlines() if line.startswith(b'{"line":"entry"')]
