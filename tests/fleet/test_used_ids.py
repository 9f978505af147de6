"""Which calls for runs are one, and which are not: a run may have the id of one that was deleted."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.stock import add_one, won
from tests.fleet.life.places import Place
from waystation import Waystation, workflow
from waystation.dispatch.restate.address import RestateAddress
from waystation.dispatch.restate.calls import RunCall
from waystation.dispatch.restate.client import RestateClient

pytestmark = pytest.mark.anyio

plain = workflow("plain", input=int, output=int).then(add_one).commit()


async def test_a_run_with_the_id_of_one_that_was_deleted_is_called_at_once(here: Place) -> None:
    # Nobody looks for runs that were left: it is the call alone that has it driven.
    app = Waystation(workflows=[plain], store=here.store, dispatch=here.dispatch, recover=False)
    async with app, app.worker(port=0), asyncio.timeout(30):
        for number in range(3):
            assert won(await app.get_workflow(plain).start(number, run_id="again")) == number + 1
            await app.delete_run("again")


async def test_of_several_calls_for_an_epoch_of_a_run_one_is_made(here: Place) -> None:
    client = RestateClient(RestateAddress.parse(here.dispatch))
    call = RunCall("plain", "r1", created_at=1, epoch=1)

    async def calls_after(*made: RunCall, again: bool = False) -> int:
        for each in made:
            await client.call_run(each, delay=3_600_000, again=again)  # so long that they are all there to be counted
        return len(await here.invocations())

    async with Waystation(workflows=[plain], store=here.store, dispatch=here.dispatch) as app, app.worker(port=0):
        try:
            assert await calls_after(call, call) == 1
            assert await calls_after(call._replace(epoch=2)) == 2
            assert await calls_after(call._replace(created_at=2)) == 3
            assert await calls_after(call, again=True) == 4
        finally:
            await client.close()
