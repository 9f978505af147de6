"""Workflows that the tests of the server run, and servers for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
from pydantic import BaseModel

from waystation import Cron, StepContext, Waystation, Workflow, step, workflow
from waystation.server.access import Authenticator
from waystation.server.application import make_site
from waystation.server.serving import Server, address_of, listening
from waystation.server.site import Limits, Site


class Document(BaseModel):
    """What is to be approved."""

    document_id: str


class Ask(BaseModel):
    """What someone is asked."""

    text: str


class Answer(BaseModel):
    """What they answer."""

    approved: bool


class Printed(BaseModel):
    """What came of it."""

    document_id: str
    approved: bool


@step(suspend=Ask, resume=Answer)
async def review(document: Document, ctx: StepContext[Ask, Answer]) -> Printed:
    """Ask someone."""
    if ctx.resume_data is None:
        await ctx.suspend(Ask(text=f"approve {document.document_id}?"))
    return Printed(document_id=document.document_id, approved=ctx.resume_data.approved)


@step
async def file_away(printed: Printed) -> Printed:
    """Keep it."""
    return printed


@step
async def fails(number: int) -> int:
    """Fail."""
    raise ValueError(f"{number} is not a number I like")


@step
async def counts(number: int, ctx: StepContext) -> int:
    """Tell of each number."""
    for each in range(number):
        await ctx.write(each)
    return number


approval = workflow("approval", input=Document, output=Printed).then(review).then(file_away).commit()
failing = workflow("failing", input=int, output=int).then(fails).commit()
counting = workflow("counting", input=int, output=int).then(counts).commit()
paid = workflow("paid", input=int, output=int).wait_for("paid", int, id="payment").commit()
sleepy = workflow("sleepy", input=int, output=int).sleep(timedelta(days=1)).commit()
monthly = (
    workflow("monthly", input=int, output=int, schedule=Cron("0 9 1 * *", input=3, id="first")).then(counts).commit()
)
WORKFLOWS: list[Workflow[Any, Any]] = [approval, failing, counting, paid, sleepy, monthly]

MARK = {"X-Waystation": "1"}
DOC = {"document_id": "DOC-1"}


def app_in(store: str = "memory://", *, recover: bool = True) -> Waystation:
    """An app with all of them, not opened."""
    return Waystation(workflows=WORKFLOWS, store=store, recover=recover, agents={"clerk": object()}, tools={"len": len})


@asynccontextmanager
async def asked(
    app: Waystation | None = None,
    *,
    auth: Authenticator | None = None,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    limits: Limits | None = None,
    headers: dict[str, str] | None = None,
) -> AsyncGenerator[httpx.AsyncClient]:
    """Someone who asks an app over HTTP, but without a socket in between. Streams need ``served``."""
    api = (app or app_in()).asgi(auth=auth, hosts=hosts, origins=origins, limits=limits)
    async with api.router.lifespan_context(api):
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=MARK if headers is None else headers
        ) as client:
            yield client


@asynccontextmanager
async def served(
    app: Waystation | None = None,
    *,
    auth: Authenticator | None = None,
    limits: Limits | None = None,
    headers: dict[str, str] | None = None,
) -> AsyncGenerator[tuple[httpx.AsyncClient, Site]]:
    """Someone who asks an app's server, that listens on a port of its own; and what the server's routes share."""
    site = make_site(app or app_in(), auth=auth, hosts=(), origins=(), limits=limits)
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    with listening("127.0.0.1", 0) as listener:
        server = Server(site, studio=False, on_ready=started.set_result)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(10):
                await started
            async with httpx.AsyncClient(
                base_url=address_of(listener), headers=MARK if headers is None else headers, timeout=10
            ) as client:
                yield client, site
        finally:
            server.should_exit = True
            await serving


async def started(client: httpx.AsyncClient, run_id: str = "r1", *, document_id: str = "DOC-1") -> None:
    """Have an approval begun, that waits for an answer."""
    reply = await client.post(
        "/api/v1/workflows/approval/start",
        json={"input": {"document_id": document_id}, "run_id": run_id, "wait_seconds": 10},
    )
    assert (reply.status_code, reply.json()["status"]) == (201, "suspended"), reply.text


def code(reply: httpx.Response) -> tuple[int, str]:
    """The status of a refused request, and the code of its problem."""
    assert reply.headers["content-type"] == "application/problem+json", reply.text
    problem = reply.json()
    assert problem["status"] == reply.status_code
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"]
    return reply.status_code, problem["code"]


async def comes_true(condition: Callable[[], bool]) -> None:
    """Wait until something is so that only what is under way in this loop makes so."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


class Message(NamedTuple):
    """A server-sent event."""

    id: str
    event: str
    data: dict[str, Any]


async def messages(reply: httpx.Response) -> AsyncGenerator[Message]:
    """The events that a stream brings, until the server closes it."""
    assert reply.status_code == 200, await reply.aread()
    assert reply.headers["content-type"].startswith("text/event-stream")
    fields: dict[str, str] = {}
    async for line in reply.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Message(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
            fields = {}


async def read(
    client: httpx.AsyncClient, path: str, *, after: str = "", most: int | None = None, into: list[Message] | None = None
) -> list[Message]:
    """Connect to a stream, and read it to its end, or to so many events; into that list, if one is given."""
    found: list[Message] = [] if into is None else into
    headers = {"Last-Event-ID": after} if after else {}
    async with (
        asyncio.timeout(20),
        client.stream("GET", path, headers=headers) as reply,
        aclosing(messages(reply)) as coming,
    ):
        async for message in coming:
            found.append(message)
            if len(found) == most:
                break
    return found
