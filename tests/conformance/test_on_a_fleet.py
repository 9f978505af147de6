"""Where tests say "restate", the apps that they make are of a fleet: their runs are placed by that Restate."""

from __future__ import annotations

import httpx
import pytest

from tests.conformance.apps import Place
from tests.conformance.stock import add_one, ask, waits, won
from tests.restate_server import RestateServer
from waystation import Waystation, workflow

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]


@pytest.mark.parametrize("place", ["restate"], indirect=True)
@pytest.mark.parametrize("made_by", ["the place", "the test"])
async def test_restate_has_called_for_each_thing_that_came_to_a_run(
    made_by: str, place: Place, restate: RestateServer
) -> None:
    flow = workflow("flow", input=int, output=int).then(ask).then(add_one).commit()
    made = place.app(flow) if made_by == "the place" else Waystation(workflows=[flow], store=place.url)
    async with made as app:
        run = await app.get_workflow(flow).create_run()
        waits(await run.start(1))
        assert won(await run.resume(data=2)) == 4
    asked = {"query": f"SELECT id FROM sys_invocation WHERE target_service_key = '{run.run_id}'"}
    async with httpx.AsyncClient(base_url=restate.admin, headers={"accept": "application/json"}) as http:
        answer = await http.post("/query", json=asked)
    assert len(answer.raise_for_status().json()["rows"]) == 2
