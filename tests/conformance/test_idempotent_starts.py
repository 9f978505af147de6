"""``idempotency_key``: of several starts that mean the same, one makes the run."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.booking import Books
from tests.conformance.programs import program
from tests.conformance.stock import add_one, ask, won
from tests.conformance.waiting import in_time
from waystation import step, workflow
from waystation.errors import IdempotencyConflict, InvalidInput

pytestmark = pytest.mark.anyio

NEW = "The model has no key for a start: two starts are two runs."

plain = workflow("plain", input=int, output=int).then(add_one).commit()
other = workflow("other", input=int, output=int).then(add_one).commit()


@behaviour(
    "run",
    "A second start with an `idempotency_key` starts nothing: it waits for the run of that key and gives its result.",
    verdict="new",
    why=NEW,
)
async def test_a_second_start_with_the_key_gives_the_same_run(place: Place) -> None:
    calls: list[int] = []
    began, go_on = asyncio.Event(), asyncio.Event()

    @step
    async def slow(number: int) -> int:
        calls.append(number)
        began.set()
        await go_on.wait()
        return number + 1

    flow = workflow("flow", input=int, output=int).then(slow).commit()
    async with in_time(), place.app(flow) as app:
        first = asyncio.create_task(app.get_workflow(flow).start(1, idempotency_key="order-1"))
        await began.wait()
        second = asyncio.create_task(app.get_workflow(flow).start(1, idempotency_key="order-1"))
        run = await app.get_workflow(flow).start_async(1, idempotency_key="order-1")
        await asyncio.sleep(0)
        assert not second.done()
        go_on.set()
        assert won(await first) == 2
        assert await second == await first
        assert await run.result() == await first
        third = await app.get_workflow(flow).start(1, idempotency_key="order-1")
        assert third == await first, "also when the run has ended long since"
        assert len((await app.list_runs()).runs) == 1
    assert calls == [1]


@behaviour("run", "An `idempotency_key` is kept in the store: it is known after a restart.", verdict="new")
async def test_the_key_is_known_after_a_restart(place: Place) -> None:
    async with place.app(plain) as app:
        first = await app.get_workflow(plain).start(1, idempotency_key="order-1")
    async with place.app(plain) as app:
        assert await app.get_workflow(plain).start(1, idempotency_key="order-1") == first


@behaviour(
    "run",
    "A start with the key of a run that was started with other input is refused, and changes nothing.",
    verdict="new",
)
async def test_other_input_with_the_key_is_a_conflict(place: Place) -> None:
    async with place.app(plain) as app:
        first = await app.get_workflow(plain).start(1, idempotency_key="order-1")
        run = await app.get_run(first.run_id)
        before = await run.journal()
        with pytest.raises(IdempotencyConflict, match="'order-1'") as caught:
            await app.get_workflow(plain).start(2, idempotency_key="order-1")
        assert caught.value.run_id == first.run_id
        assert await run.journal() == before
        assert len((await app.list_runs()).runs) == 1


@behaviour("run", "A conflict of keys is found however much the run received before it was started.", verdict="new")
async def test_a_conflict_is_found_after_many_early_events(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).wait_for("paid", int).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(idempotency_key="order-1")
        for number in range(20):
            await run.send_event("paid", number)
        assert won(await run.start(1)) == 0
        with pytest.raises(IdempotencyConflict):
            await app.get_workflow(flow).start(2, idempotency_key="order-1")


@behaviour("run", "Keys of different workflows have nothing to do with each other.", verdict="new")
async def test_a_key_is_of_one_workflow(place: Place) -> None:
    async with place.app(plain, other) as app:
        first = await app.get_workflow(plain).start(1, idempotency_key="order-1")
        second = await app.get_workflow(other).start(2, idempotency_key="order-1")
        assert first.run_id != second.run_id
        assert won(second) == 3


@behaviour("run", "A bad input is refused before its key is looked at, and uses up no key.", verdict="new")
async def test_a_bad_input_uses_up_no_key(place: Place) -> None:
    async with place.app(plain) as app:
        with pytest.raises(InvalidInput):
            await app.get_workflow(plain).start("one", idempotency_key="order-1")
        assert won(await app.get_workflow(plain).start(1, idempotency_key="order-1")) == 2


@behaviour("run", "A run may be created with a key; a start with that key starts it.", verdict="new")
async def test_a_run_that_was_created_with_the_key_is_the_one_that_is_started(place: Place) -> None:
    async with place.app(plain) as app:
        created = await app.get_workflow(plain).create_run(idempotency_key="order-1")
        again = await app.get_workflow(plain).create_run(idempotency_key="order-1")
        assert again.run_id == created.run_id
        result = await app.get_workflow(plain).start(1, idempotency_key="order-1")
        assert (result.run_id, won(result)) == (created.run_id, 2)


@behaviour("run", "A key gives its run whatever that came to: suspended, failed, cancelled.", verdict="new")
async def test_a_key_gives_its_run_whatever_it_came_to(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(ask).commit()
    async with in_time(), place.app(flow) as app:
        first = await app.get_workflow(flow).start(1, idempotency_key="order-1")
        assert (await app.get_workflow(flow).start(1, idempotency_key="order-1")).status == "suspended"
        await (await app.get_run(first.run_id)).cancel()
        assert (await app.get_workflow(flow).start(1, idempotency_key="order-1")).status == "cancelled"


@behaviour("run", "A key is free again when its run is deleted.", verdict="new")
async def test_a_key_is_free_when_its_run_is_deleted(place: Place) -> None:
    async with place.app(plain) as app:
        first = await app.get_workflow(plain).start(1, idempotency_key="order-1")
        await app.delete_run(first.run_id)
        second = await app.get_workflow(plain).start(5, idempotency_key="order-1")
        assert won(second) == 6


@behaviour("run", "Many starts with one key at once make one run, whose steps run once.", verdict="new")
async def test_many_starts_at_once_make_one_run(place: Place) -> None:
    calls: list[int] = []

    @step
    async def work(number: int) -> int:
        calls.append(number)
        return number + 1

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with in_time(), place.app(flow) as app:
        starts = [app.get_workflow(flow).start(1, idempotency_key="order-1") for _ in range(20)]
        results = await asyncio.gather(*starts)
        assert len({result.run_id for result in results}) == 1
        assert {won(result) for result in results} == {2}
        assert len((await app.list_runs()).runs) == 1
    assert calls == [1]


RACER = """
import asyncio, json, sys
from waystation import Waystation, step, workflow

@step
async def work(number: int) -> int:
    with open(sys.argv[2], "a") as file:
        file.write("called\\n")
    return number + 1

flow = workflow("flow", input=int, output=int).then(work).commit()

async def main():
    async with Waystation(workflows=[flow], store=sys.argv[1]) as app:
        await app.list_runs()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        starts = [app.get_workflow(flow).start(1, idempotency_key="order-1") for _ in range(5)]
        results = await asyncio.gather(*starts)
        print(json.dumps([[result.run_id, result.result] for result in results]))

asyncio.run(main())
"""


@behaviour("run", "Starts with one key at once in several processes make one run.", verdict="new")
def test_starts_at_once_in_several_processes_make_one_run(kept: Books) -> None:
    url, calls = kept.url, kept.folder / "calls"
    with ExitStack() as stack:
        racers = [stack.enter_context(program(RACER, url, str(calls))) for _ in range(3)]
        for racer in racers:
            assert racer.hear() == "ready"
        for racer in racers:
            racer.tell("go")
        said = [line for racer in racers for line in racer.finish()]
    assert len(set(said)) == 1, "every start, in every process, was given the same run and result"
    assert calls.read_text(encoding="utf-8").splitlines() == ["called"]
