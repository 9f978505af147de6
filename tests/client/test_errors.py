"""The server's errors are raised again: the same class, message and fields; and what is no server is told of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from tests.client.conftest import adding, an_app, approval, served, waiting
from waystation import Waystation
from waystation.client import Client, RemoteRun
from waystation.client.problems import raised_again
from waystation.client.wire import Problem
from waystation.errors import (
    AmbiguousSuspension,
    AppClosed,
    DataError,
    DefinitionChanged,
    Forbidden,
    InvalidInput,
    InvalidResumeData,
    NotSuspended,
    NotWaystation,
    RemoteError,
    RunAlreadyExists,
    RunAlreadyStarted,
    RunFileInvalid,
    RunNotFound,
    ServerUnreachable,
    ServerUrlInvalid,
    StepNotRun,
    Unauthenticated,
    UnknownEvent,
    UnknownSchedule,
    UnknownStep,
    UnknownWorkflow,
    WaystationError,
    WrongLoop,
)
from waystation.server import TokenAuthenticator, TokenFile

pytestmark = pytest.mark.anyio

DOC = {"document_id": "DOC-1"}


async def told_by(
    call: Callable[[Client | Waystation], Awaitable[object]], place: Client | Waystation
) -> WaystationError:
    with pytest.raises(WaystationError) as told:
        await call(place)
    return told.value


async def answer(place: Client | Waystation, **how: object) -> object:
    return await (await place.get_run("r1")).resume(**how)  # type: ignore[arg-type]  # each test gives what it means


async def of_run(place: Client | Waystation, what: str, *arguments: object) -> object:
    return await getattr(await place.get_run("r1"), what)(*arguments)


REFUSED: dict[type[WaystationError], Callable[[Client | Waystation], Awaitable[object]]] = {
    InvalidInput: lambda place: place.get_workflow("approval").start({"document_id": 7, "more": 1}),
    RunAlreadyExists: lambda place: place.get_workflow("approval").create_run(run_id="r1"),
    RunAlreadyStarted: lambda place: of_run(place, "start", DOC),
    InvalidResumeData: lambda place: answer(place, data={"approved": "perhaps"}),
    UnknownStep: lambda place: answer(place, data={}, step="nowhere"),
    NotSuspended: lambda place: answer(place, data={}, step="submit"),
    RunNotFound: lambda place: place.get_run("nobody"),
    UnknownEvent: lambda place: of_run(place, "send_event", "paid"),
    UnknownSchedule: lambda place: place.pause_schedule("never"),
    StepNotRun: lambda place: of_run(place, "fork", "review"),
}


@pytest.mark.parametrize("kind", REFUSED, ids=lambda kind: kind.__name__)
async def test_an_error_is_the_one_that_the_app_raises(
    kind: type[WaystationError], app: Waystation, client: Client
) -> None:
    run = await app.get_workflow(approval).create_run(run_id="r1")
    if kind is not StepNotRun:
        await run.start(DOC)
    here, there = await told_by(REFUSED[kind], app), await told_by(REFUSED[kind], client)
    assert type(there) is type(here) is kind
    assert str(there) == str(here)
    assert vars(there) == vars(here)


async def test_an_unknown_workflow_is_told_of_by_its_first_use(client: Client) -> None:
    with pytest.raises(UnknownWorkflow, match="aproval"):
        await client.get_workflow("aproval").start(DOC)


async def test_with_its_definition_bad_input_is_refused_before_it_is_sent() -> None:
    async with Client("http://127.0.0.1:1") as client:
        for refused in (client.get_workflow(approval).start({}), client.get_workflow(adding).start("one")):
            with pytest.raises(InvalidInput):
                await refused
        with pytest.raises(InvalidInput):
            client.get_workflow(adding).check_input("one")
        with pytest.raises(InvalidInput, match="cannot be written as JSON"):
            await client.get_workflow("adding").start(object())


def test_every_code_of_the_library_is_raised_as_its_class() -> None:
    told = Problem(
        code="",
        detail="so it is",
        run_id="r1",
        workflow_id="w",
        address="a",
        addresses=["a", "b"],
        differences=["d"],
        line=3,
    )
    kinds = [WaystationError]
    for kind in kinds:
        kinds += [each for each in kind.__subclasses__() if each.__module__.startswith("waystation.errors")]
    for kind in kinds:
        error = raised_again(msgspec.structs.replace(told, code=kind.code), 409)
        expected = RemoteError if issubclass(kind, RemoteError) else kind
        assert (type(error), "so it is" in str(error)) == (expected, True)
    changed = raised_again(Problem(code=DefinitionChanged.code, detail="no", run_id="r1", differences=["d"]), 409)
    assert isinstance(changed, DefinitionChanged)
    assert (changed.differences, changed.run_id, str(changed)) == (("d",), "r1", "no")
    several = raised_again(Problem(code=AmbiguousSuspension.code, detail="no", run_id="r1", addresses=["a", "b"]), 409)
    assert isinstance(several, AmbiguousSuspension)
    assert several.addresses == ("a", "b")
    torn = raised_again(Problem(code=RunFileInvalid.code, detail="torn", line=7), 422)
    assert isinstance(torn, RunFileInvalid)
    assert torn.line == 7
    data = raised_again(Problem(code="invalid_state", detail="x", problems=[("a.b", "is wrong")]), 422)
    assert isinstance(data, DataError)
    assert (data.field, data.reason) == ("a.b", "is wrong")
    newer = raised_again(Problem(code="invented_later", detail="what is that"), 418)
    assert type(newer) is RemoteError
    assert newer.status == 418


# --------------------------------------------------------------------------- who may


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncGenerator[tuple[str, TokenFile]]:
    tokens = TokenFile(tmp_path / "tokens.json")
    tokens.new("nobody", ["read"])
    async with served(an_app(), auth=TokenAuthenticator(tokens)) as url:
        yield url, tokens


async def test_a_server_that_asks_for_a_token_refuses_who_has_none_or_a_wrong_one(
    guarded: tuple[str, TokenFile],
) -> None:
    url, tokens = guarded
    past = tokens.new("late", ["admin"], expires_at=datetime.now(timezone.utc) - timedelta(seconds=1))
    for token in (None, "wst_abc_def", "something else", past):
        async with Client(url, token=token) as client:
            with pytest.raises(Unauthenticated) as told:
                await client.list_runs()
            assert token is None or token not in str(told.value)
            with pytest.raises(Unauthenticated):
                await client.get_workflow(adding).start(1)


async def test_a_token_may_what_its_scopes_say_and_is_recorded_by_its_name(guarded: tuple[str, TokenFile]) -> None:
    url, tokens = guarded
    async with (
        Client(url, token=tokens.new("ada", ["run"])) as ada,
        Client(url, token=tokens.new("bob", ["answer"])) as bob,
    ):
        run = await ada.get_workflow(approval).start_async(DOC, run_id="r1")
        await run.wait()
        with pytest.raises(Forbidden):
            await run.resume(data={"approved": True})
        with pytest.raises(Forbidden):
            await bob.delete_run("r1")
        await (await bob.get_run("r1")).resume(data={"approved": True})
        (answered,) = (await run.history()).steps[1].suspensions
        assert answered.actor == "bob"
        assert [event.type async for event in run.events(live=False)][-1] == "run-finished"


# --------------------------------------------------------------------------- what is no server


@asynccontextmanager
async def answering(reply: bytes) -> AsyncGenerator[str]:
    """Something that answers all that is asked of it with the same."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


def reply(status: str, kind: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return (head + body).encode()


@pytest.mark.parametrize(
    "said",
    [
        reply("200 OK", "text/html", "<h1>It works!</h1>"),
        reply("200 OK", "application/json", '{"hello": "world"}'),
        reply("200 OK", "application/json", "[]"),
        reply("404 Not Found", "text/html", "<h1>not here</h1>"),
        reply("404 Not Found", "application/json", '{"detail": "Not Found"}'),
        reply("302 Found", "text/html", "elsewhere"),
        reply("500 Internal Server Error", "text/plain", "oh"),
    ],
    ids=["page", "other JSON", "a list", "no page", "other API", "redirect", "fault"],
)
async def test_what_answers_and_is_no_waystation_is_told_as_that(said: bytes) -> None:
    async with answering(said) as url, Client(url) as client:
        for call in (client.list_runs(), client.get_workflow(adding).start(1), anext(_events(client))):
            with pytest.raises(NotWaystation, match="see that the address"):
                await call


async def _events(client: Client) -> AsyncGenerator[object]:
    async for event in RemoteRun(client, "r1", None).events():
        yield event


async def test_a_proxy_that_does_not_reach_the_server_is_told_as_that_and_asked_again() -> None:
    async with (
        answering(reply("502 Bad Gateway", "text/html", "no")) as url,
        Client(url, retry_for=timedelta(seconds=0.2)) as client,
    ):
        with pytest.raises(ServerUnreachable, match="502") as told:
            await client.list_runs()
    assert told.value.status == 502


async def test_a_server_that_is_not_there_is_told_of() -> None:
    async with Client("http://127.0.0.1:1", retry_for=timedelta(0)) as client:
        with pytest.raises(ServerUnreachable, match="is it started"):
            await client.get_workflow(waiting).start_async(1)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8484", "ftp://x", "http://", "http://x?token=t0p", "http://me:t0p@x", "http://[::1", "/api"]
)
def test_an_address_that_is_none_is_refused_and_its_secrets_are_not_repeated(url: str) -> None:
    with pytest.raises(ServerUrlInvalid) as told:
        Client(url)
    assert "t0p" not in str(told.value)


async def test_an_address_may_end_in_a_slash_or_be_that_of_the_api(url: str) -> None:
    for each in (f"{url}/", f"{url}/api/v1", f"{url}/api/v1/"):
        async with Client(each) as client:
            assert (await client.list_runs()).runs == []


async def test_a_client_belongs_to_one_loop_and_is_closed_once(url: str) -> None:
    client = Client(url)
    await client.list_runs()

    def elsewhere() -> None:
        with pytest.raises(WrongLoop):
            asyncio.run(client.list_runs())

    await asyncio.to_thread(elsewhere)
    with pytest.raises(WrongLoop):
        client.call(client.list_runs())
    await client.close()
    await client.close()
    with pytest.raises(AppClosed):
        await client.list_runs()
