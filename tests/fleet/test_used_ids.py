"""A run may have the id of one that was deleted, and is placed as any other."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.stock import add_one, won
from tests.fleet.life.places import Place
from waystation import Waystation, workflow

pytestmark = pytest.mark.anyio

plain = workflow("plain", input=int, output=int).then(add_one).commit()


async def test_a_run_with_the_id_of_one_that_was_deleted_is_called_at_once(here: Place) -> None:
    # Nobody looks for runs that were left: it is the call alone that has it driven.
    app = Waystation(workflows=[plain], store=here.store, dispatch=here.dispatch, recover=False)
    async with app, app.worker(port=0), asyncio.timeout(30):
        for number in range(3):
            assert won(await app.get_workflow(plain).start(number, run_id="again")) == number + 1
            await app.delete_run("again")
