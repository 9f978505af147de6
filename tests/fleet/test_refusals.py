"""Whatever keeps a Restate from placing runs is told by an error of its kind, and the store stays as it was."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.called import at_home, waystation
from tests.fleet.life.others import answering, is_heard, nobody
from tests.fleet.life.places import until
from tests.fleet.life.shop import WORKFLOWS
from tests.postgres_server import Databases
from tests.restate_server import RestateServer
from waystation import Waystation
from waystation.errors import (
    DispatchError,
    DispatchTooOld,
    DispatchUnreachable,
    DispatchUrlInvalid,
    NoWorker,
    RegistrationRefused,
)

pytestmark = pytest.mark.anyio

_LIKE_A_RESTATE = {"/restate/health": b'{"services":[]}', "/version": b'{"version":"1.7.12"}'}


@dataclass(frozen=True)
class Stock:
    """A store with runs in it.

    Attributes:
        runs: ids: one that was not started, one that is suspended.
    """

    url: str
    databases: Databases
    runs: Mapping[str, str]

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """All that is in all of its tables."""
        asked = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
        names = [str(name) for (name,) in self.databases.fetch(self.url, asked)]
        return {
            name: self.databases.fetch(self.url, f'SELECT * FROM "{name}" AS here ORDER BY here::text')
            for name in names
        }

    def app(self, dispatch: str | None) -> Waystation:
        """An app on it."""
        return Waystation(workflows=WORKFLOWS, store=self.url, dispatch=dispatch, recover=False)


@pytest.fixture
def stock(postgres: str, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stock:
    monkeypatch.setenv("LEDGER", str(tmp_path / "ledger"))
    return asyncio.run(_stocked(postgres, databases))


async def _stocked(postgres: str, databases: Databases) -> Stock:
    async with Waystation(workflows=WORKFLOWS, store=postgres) as app:
        reviewing = app.get_workflow("reviewing")
        pending = await reviewing.create_run()
        suspended = await reviewing.create_run()
        assert (await suspended.start("doc")).status == "suspended"
    return Stock(postgres, databases, {"pending": pending.run_id, "suspended": suspended.run_id})


async def _start(app: Waystation, runs: Mapping[str, str]) -> None:
    await app.get_workflow("reviewing").start_async("other")


async def _start_pending(app: Waystation, runs: Mapping[str, str]) -> None:
    await (await app.get_run(runs["pending"])).start_async("other")


async def _resume(app: Waystation, runs: Mapping[str, str]) -> None:
    await (await app.get_run(runs["suspended"])).resume_async(data="approved")


async def _cancel(app: Waystation, runs: Mapping[str, str]) -> None:
    await (await app.get_run(runs["suspended"])).cancel_async()


DEEDS = [_start, _start_pending, _resume, _cancel]


async def refused(stock: Stock, app: Waystation, kind: type[DispatchError], says: str) -> None:
    """Nothing can be done to runs, by an error of that kind, and nothing is changed."""
    before = stock.everything()
    for deed in DEEDS:
        with pytest.raises(kind, match=says) as told:
            await deed(app, stock.runs)
        assert type(told.value) is kind
    assert stock.everything() == before


async def test_where_nothing_answers_nothing_is_changed(stock: Stock) -> None:
    app = stock.app(f"restate://127.0.0.1:{nobody()}")
    await refused(stock, app, DispatchUnreachable, "does not answer .*Is it running, and is that its address")
    await app.close()


@pytest.mark.parametrize("answers", [{}, {"/restate/health": b"<h1>welcome</h1>"}], ids=["not-found", "a-page"])
async def test_where_another_server_answers_nothing_is_changed(stock: Stock, answers: Mapping[str, bytes]) -> None:
    with answering(answers) as port:
        app = stock.app(f"restate://127.0.0.1:{port}")
        await refused(stock, app, DispatchUnreachable, "does not do so as a Restate .*is that its ingress")
        await app.close()


async def test_where_no_worker_has_registered_nothing_is_changed(stock: Stock, restate: RestateServer) -> None:
    app = stock.app(restate.dispatch("nobody-serves"))
    await refused(stock, app, NoWorker, "no worker of pool 'nobody-serves' .*waystation worker")
    await app.close()


async def test_an_app_whose_restate_goes_away_refuses_and_goes_on_when_it_is_back(stock: Stock) -> None:
    with RestateServer() as restate:
        dispatch = restate.dispatch()
        async with stock.app(dispatch) as app, stock.app(dispatch) as serving, serving.worker(port=0):
            restate.kill()

            async def away() -> bool:
                try:
                    await app.resubmit()  # nothing in the store need be called
                except DispatchUnreachable:
                    return True
                return False

            await until(away, "the app has noticed")
            await refused(stock, app, DispatchUnreachable, "Is it running")
            restate.start()
            run = await app.get_run(stock.runs["suspended"])
            assert (await run.resume(data="approved")).status == "success"


async def test_an_app_that_is_to_be_opened_again_can_be_when_restate_is_there(
    stock: Stock, restate: RestateServer
) -> None:
    restate_later = {"/restate/health": b""}
    with answering(restate_later) as port:
        app = stock.app(f"restate://127.0.0.1:{port}?admin={restate.admin}")
        with pytest.raises(DispatchUnreachable):
            await app.open()
        restate_later |= _LIKE_A_RESTATE
        await app.open()
        assert (await (await app.get_run(stock.runs["suspended"])).result()).status == "suspended"
        await app.close()


# --------------------------------------------------------------------------- workers


async def not_served(stock: Stock, app: Waystation, kind: type[DispatchError], says: str, **worker: str) -> None:
    """A worker cannot be opened, by an error of that kind; nothing is served, and nothing is changed."""
    before, port = stock.everything(), nobody()
    with pytest.raises(kind, match=says) as told:
        await app.worker(port=port, advertise=worker.get("advertise")).open()
    assert type(told.value) is kind
    assert not is_heard(port)
    assert "waystation spare room" not in {task.get_name() for task in asyncio.all_tasks()}, "it drives nothing unasked"
    await app.close()
    assert stock.everything() == before


async def test_a_worker_whose_restate_is_closed_to_it_says_so(stock: Stock, restate: RestateServer) -> None:
    closed = f"restate://{restate.ingress.removeprefix('http://')}?admin=http://127.0.0.1:{nobody()}"
    await not_served(stock, stock.app(closed), DispatchUnreachable, "does not answer .*is that its address")


async def test_a_worker_that_is_given_another_address_than_the_admin_says_so(
    stock: Stock, restate: RestateServer
) -> None:
    ingress_twice = f"restate://{restate.ingress.removeprefix('http://')}?admin={restate.ingress}"
    await not_served(stock, stock.app(ingress_twice), DispatchUnreachable, "is that its admin address .port 9070")


async def test_a_worker_of_a_restate_that_is_too_old_says_which_it_must_be(stock: Stock) -> None:
    """The true one weighs 200 MB; this says what that says of itself."""
    with answering({**_LIKE_A_RESTATE, "/version": b'{"version":"1.4.3","min_admin_api_version":2}'}) as port:
        app = stock.app(f"restate://127.0.0.1:{port}?admin=http://127.0.0.1:{port}")
        await not_served(stock, app, DispatchTooOld, "is version 1.4.3; it must be 1.7 or newer")


async def test_a_worker_that_restate_does_not_reach_is_refused_and_told_to_name_another_address(
    stock: Stock, restate: RestateServer
) -> None:
    app = stock.app(restate.dispatch("unreached")).copy(recover=True)  # served, it would drive what is left
    await not_served(stock, app, RegistrationRefused, "--advertise", advertise=f"http://127.0.0.1:{nobody()}")


async def test_an_app_without_a_restate_has_no_workers_and_nothing_to_call_again(stock: Stock) -> None:
    app = stock.app(None)
    await not_served(stock, app, DispatchUrlInvalid, "make it with dispatch=")
    with pytest.raises(DispatchUrlInvalid):
        await stock.app(None).resubmit()


# --------------------------------------------------------------------------- on the command line

_ON_RUNS = {
    "run": ("reviewing", "--input", '"doc"'),
    "start": ("pending", "--input", '"doc"'),
    "resume": ("suspended", "--data", '"approved"'),
    "cancel": ("suspended",),
    "runs": (),
    "resubmit": (),
    "check": (),
}


def test_a_command_that_reaches_no_restate_exits_with_nine_and_says_why_in_one_line(
    stock: Stock, tmp_path: Path
) -> None:
    before = stock.everything()
    where = ["--app", "tests.fleet.life.shop:app", "--store", stock.url]
    with at_home(tmp_path, {**os.environ, "WAYSTATION_DISPATCH": f"restate://127.0.0.1:{nobody()}"}):
        for command, given in _ON_RUNS.items():
            named = [stock.runs.get(each, each) for each in given]
            told = waystation(command, *named, *where, "--json")
            assert (told.code, told.err, told.json["error"]["code"]) == (9, "", "dispatch_unreachable"), command
            said = waystation(command, *named, *where)
            assert (said.code, said.out) == (9, ""), command
            assert " ".join(said.err.split()).startswith("error: the Restate at http://127.0.0.1:"), command
    assert stock.everything() == before


@pytest.mark.parametrize(
    ("dispatch", "code", "error"),
    [
        ("restate://127.0.0.1:1", 9, "dispatch_unreachable"),
        ("redis://127.0.0.1", 2, "dispatch_url_invalid"),
        ("", 2, "dispatch_url_invalid"),
    ],
)
def test_a_worker_that_cannot_serve_exits_with_the_code_of_why(
    stock: Stock, tmp_path: Path, dispatch: str, code: int, error: str
) -> None:
    where = ["--app", "tests.fleet.life.shop:app", "--store", stock.url, "--port", "0"]
    with at_home(tmp_path, dict(os.environ)):
        told = waystation("worker", *where, *(["--dispatch", dispatch] if dispatch else []), "--json")
    assert (told.code, told.json["error"]["code"]) == (code, error)
