"""Several who want the same at once: one has it, the others are told so. And one who asks twice with one key."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.server.stock import DOC, app_in, asked, code, served, started
from waystation.server import TokenAuthenticator, TokenFile

pytestmark = pytest.mark.anyio

RESUME = "/api/v1/runs/r1/resume"


def told(replies: list[httpx.Response]) -> Counter[tuple[int, str]]:
    """How many were told what."""
    return Counter((reply.status_code, reply.json().get("code", "")) for reply in replies)


async def test_of_two_answers_at_once_one_is_accepted_and_the_other_told_so() -> None:
    async with served() as (client, _):
        await started(client)
        (asking,) = (await client.get("/api/v1/suspensions")).json()["suspensions"]
        replies = await asyncio.gather(
            *(
                client.post(
                    RESUME, json={"data": {"approved": approved}, "suspension": asking["id"], "wait_seconds": 10}
                )
                for approved in (True, False)
            )
        )
        assert told(replies) == {(200, ""): 1, (409, "already_answered"): 1}
        won = next(approved for approved, reply in zip((True, False), replies, strict=True) if reply.status_code == 200)
        run = (await client.get("/api/v1/runs/r1")).json()
        assert run["standing"]["result"]["approved"] is won


async def test_of_many_answers_through_two_servers_on_one_store_one_is_accepted(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'runs.db'}"
    async with served(app_in(store)) as (one, _), served(app_in(store)) as (other, _):
        await started(one)
        replies = await asyncio.gather(
            *((one, other)[number % 2].post(RESUME, json={"data": {"approved": number == 3}}) for number in range(8))
        )
        assert told(replies) == {(200, ""): 1, (409, "already_answered"): 7}


async def test_of_many_starts_of_one_id_one_is_accepted() -> None:
    async with served() as (client, _):
        body = {"input": DOC, "run_id": "r1"}
        replies = await asyncio.gather(*(client.post("/api/v1/workflows/approval/start", json=body) for _ in range(6)))
        assert told(replies) == {(201, ""): 1, (409, "run_already_exists"): 5}


async def test_starts_with_one_key_are_one_start() -> None:
    async with served() as (client, _):
        replies = await asyncio.gather(
            *(
                client.post(
                    "/api/v1/workflows/approval/start", json={"input": DOC}, headers={"Idempotency-Key": "order 7"}
                )
                for _ in range(6)
            )
        )
        assert told(replies) == {(201, ""): 6}
        assert len({reply.json()["run_id"] for reply in replies}) == 1
        assert len((await client.get("/api/v1/runs")).json()["runs"]) == 1
        other = await client.post(
            "/api/v1/workflows/approval/start",
            json={"input": {"document_id": "DOC-2"}},
            headers={"Idempotency-Key": "order 7"},
        )
        assert code(other) == (409, "idempotency_conflict")


async def test_an_answer_that_is_given_again_with_its_key_is_the_same_answer() -> None:
    async with asked() as client:
        await started(client)
        key = {"Idempotency-Key": "k1"}
        body = {"data": {"approved": True}, "wait_seconds": 10}
        first = await client.post(RESUME, json=body, headers=key)
        again = await client.post(RESUME, json=body, headers=key)
        assert (first.status_code, again.status_code) == (200, 200)
        assert first.json() == again.json()
        assert code(await client.post(RESUME, json=body)) == (409, "already_answered")
        assert code(await client.post(RESUME, json=body, headers={"Idempotency-Key": "k2"})) == (
            409,
            "already_answered",
        )
        other = {"data": {"approved": False}}
        assert code(await client.post(RESUME, json=other, headers=key)) == (409, "idempotency_conflict")


async def test_answers_with_one_key_at_once_are_one_answer() -> None:
    async with served() as (client, _):
        await started(client)
        replies = await asyncio.gather(
            *(
                client.post(RESUME, json={"data": {"approved": True}}, headers={"Idempotency-Key": "k1"})
                for _ in range(6)
            )
        )
        assert told(replies) == {(200, ""): 6}
        journal = (await client.get("/api/v1/runs/r1/journal")).json()["entries"]
        assert [each["kind"] for each in journal].count("suspension-answered") == 1


async def test_a_key_of_one_person_is_not_that_of_another(file: TokenFile) -> None:
    ada, bob = (f"Bearer {file.new(name, ['answer', 'run'])}" for name in ("ada", "bob"))
    async with asked(auth=TokenAuthenticator(file), headers={"Authorization": ada}) as client:
        await started(client)
        body = {"data": {"approved": True}}
        assert (await client.post(RESUME, json=body, headers={"Idempotency-Key": "k"})).status_code == 200
        reply = await client.post(RESUME, json=body, headers={"Idempotency-Key": "k", "Authorization": bob})
        assert code(reply) == (409, "already_answered")
        assert "'ada'" in reply.json()["detail"], "it says who was first"


async def test_an_event_with_one_key_is_received_once() -> None:
    async with asked() as client:
        await client.post("/api/v1/workflows/paid/runs", json={"run_id": "p1"})
        for _ in range(2):
            for path in ("/api/v1/runs/p1/events", "/api/v1/events"):
                reply = await client.post(path, json={"name": "paid", "data": 5}, headers={"Idempotency-Key": "k"})
                assert reply.status_code == 202
        journal = (await client.get("/api/v1/runs/p1/journal")).json()["entries"]
        assert [each["kind"] for each in journal] == ["run-created", "event-received"]
