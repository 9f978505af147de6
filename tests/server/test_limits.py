"""How much is taken: bodies, pages, streams, requests that wait. And that what is taken is JSON, by the book."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.stock import DOC, asked, code, comes_true, served, started
from waystation.server import Limits

pytestmark = pytest.mark.anyio

START = "/api/v1/workflows/counting/start"
JSON = {"Content-Type": "application/json"}


async def test_a_body_may_be_so_long_and_no_longer() -> None:
    async with asked(limits=Limits(body_bytes=100)) as client:
        fits = b'{"input": 0' + b" " * 88 + b"}"
        assert (await client.post(START, content=fits, headers=JSON)).status_code == 201
        assert code(await client.post(START, content=fits + b" ", headers=JSON)) == (413, "body_too_large")
        assert code(await client.request("DELETE", "/api/v1/runs/r1", content=b"x" * 101)) == (413, "body_too_large")


async def test_a_body_that_does_not_tell_how_long_it_is_is_cut_off() -> None:
    async with served(limits=Limits(body_bytes=10_000)) as (client, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        head = f"POST {START} HTTP/1.1\r\nHost: localhost\r\nX-Waystation: 1\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + b"3e8\r\n" + b" " * 1000 + b"\r\n")
        for _ in range(10):
            writer.write(b"3e8\r\n" + b" " * 1000 + b"\r\n")
        async with asyncio.timeout(10):
            answer = await reader.read()  # to the end: the rest of the body is not waited for
        writer.close()
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"body_too_large" in answer


async def test_a_body_says_that_it_is_json() -> None:
    async with asked() as client:
        for kind in ("", "text/plain", "application/x-www-form-urlencoded", "application/xml"):
            reply = await client.post(START, content=b'{"input": 1}', headers={"Content-Type": kind} if kind else {})
            assert code(reply) == (415, "not_json"), kind
        reply = await client.post(
            START, content=b'{"input": 1}', headers={"Content-Type": "Application/JSON; charset=utf-8"}
        )
        assert reply.status_code == 201


NOT_JSON = {
    "nothing": b"",
    "half": b"{",
    "NaN": b'{"input": NaN}',
    "Infinity": b'{"input": Infinity}',
    "a lone surrogate": b'{"input": "\\ud800"}',
    "no UTF-8": b'{"input": "\xff"}',
    "two": b'{"input": 1} 2',
    "deep and half": b"[" * 100_000,
    "deep": b'{"input":' * 5_000 + b"1" + b"}" * 5_000,
    "deeper than any value, and not for any parser": b'{"input":' + b"[" * 200 + b"]" * 200 + b"}",
}


async def test_a_body_that_is_no_json_by_the_book_is_refused() -> None:
    async with asked() as client:
        for what, body in NOT_JSON.items():
            told = code(await client.post(START, content=body, headers=JSON))
            assert told in {(400, "bad_request"), (422, "invalid_request")}, what
        assert (await client.get("/api/v1/runs")).json()["runs"] == []


OTHER_FORMS: list[object] = [
    {"input": 1, "unknown": 1},
    {"inptu": 1},
    {"input": 1, "run_id": 7},
    {"input": 1, "run_id": ""},
    {"input": 1, "run_id": "a/b"},
    {"input": 1, "run_id": "a\x00b"},
    {"input": 1, "run_id": "x" * 201},
    {"input": 1, "resource_id": "a\nb"},
    {"input": 1, "per_step": "yes"},
    {"input": 1, "per_step": 1},
    {"input": 1, "wait_seconds": "1"},
    {"input": 1, "wait_seconds": -1},
    {"input": 1, "wait_seconds": 61},
    {"input": 1, "wait_seconds": True},
    {"input": 1, "state": [1]},
    {"input": 1, "request_context": "x"},
    [],
    "x",
    None,
]


async def test_a_body_of_another_form_is_refused_and_changes_nothing() -> None:
    async with asked() as client:
        for body in OTHER_FORMS:
            assert code(await client.post(START, json=body)) == (422, "invalid_request"), body
        assert (await client.get("/api/v1/runs")).json()["runs"] == []


@pytest.mark.parametrize("run_id", [".", ".."])
async def test_a_run_has_no_id_that_is_another_place_in_a_path(run_id: str) -> None:
    async with asked() as client:
        assert code(await client.post(START, json={"input": 1, "run_id": run_id})) == (422, "invalid_id")
        create = await client.post("/api/v1/workflows/counting/runs", json={"run_id": run_id})
        assert code(create) == (422, "invalid_id")
        await client.post(START, json={"input": 1, "run_id": "...", "wait_seconds": 10})
        fork = await client.post("/api/v1/runs/.../fork", json={"from_step": "counts", "run_id": run_id})
        assert code(fork) == (422, "invalid_id")
        assert [run["run_id"] for run in (await client.get("/api/v1/runs")).json()["runs"]] == ["..."]


async def test_a_refusal_names_each_field_and_repeats_no_value() -> None:
    async with asked() as client:
        reply = await client.post("/api/v1/session", json={"token": ["my-secret"], "more": "my-secret"})
        problem = reply.json()
        assert [field for field, _ in problem["problems"]] == ["token", "more"]
        assert problem["field"] == "token"
        assert "my-secret" not in reply.text


async def test_data_that_does_not_fit_names_workflow_address_and_fields() -> None:
    async with asked() as client:
        reply = await client.post("/api/v1/workflows/approval/start", json={"input": {"document_id": 7}})
        problem = reply.json()
        assert code(reply) == (422, "invalid_input")
        assert (problem["workflow_id"], problem["address"], problem["field"]) == ("approval", "input", "document_id")
        assert [field for field, _ in problem["problems"]] == ["document_id"]
        await started(client)
        reply = await client.post("/api/v1/runs/r1/resume", json={"data": {"approved": "perhaps"}})
        assert (code(reply), reply.json()["address"]) == ((422, "invalid_resume_data"), "review")
        assert (await client.get("/api/v1/runs/r1")).json()["status"] == "suspended"


async def test_a_page_has_its_bounds() -> None:
    async with asked() as client:
        for limit in ("0", "1001", "x", "-5", "1.5"):
            for path in ("/api/v1/runs", "/api/v1/suspensions"):
                assert code(await client.get(f"{path}?limit={limit}")) == (422, "invalid_request"), limit
        assert (await client.get("/api/v1/runs?limit=1000")).status_code == 200


async def test_so_many_streams_may_be_open_and_each_that_ends_makes_room() -> None:
    async with served(limits=Limits(streams=2)) as (client, site):
        await started(client)
        one = client.stream("GET", "/api/v1/runs/r1/stream")
        async with client.stream("GET", "/api/v1/stream") as first:
            await one.__aenter__()
            assert (first.status_code, site.busy.streams) == (200, 2)
            refused = await client.get("/api/v1/runs/r1/stream")
            assert code(refused) == (429, "too_many_streams")
            assert refused.headers["retry-after"] == "1"
            await one.__aexit__(None, None, None)
            await comes_true(lambda: site.busy.streams == 1)
            async with client.stream("GET", "/api/v1/runs/r1/stream") as third:
                assert third.status_code == 200
        await comes_true(lambda: site.busy.streams == 0)


async def test_so_many_requests_may_wait_and_one_too_many_has_changed_nothing() -> None:
    async with served(limits=Limits(waiting=1)) as (client, site):
        await client.post("/api/v1/workflows/paid/start", json={"input": 1, "run_id": "p1"})
        waiting = asyncio.create_task(client.get("/api/v1/runs/p1?wait_seconds=10"))
        await comes_true(lambda: site.busy.waiting == 1)
        body = {"input": DOC, "run_id": "r1", "wait_seconds": 1}
        assert code(await client.post("/api/v1/workflows/approval/start", json=body)) == (429, "too_many_waiting")
        assert code(await client.get("/api/v1/runs/r1")) == (404, "run_not_found")
        assert (await client.get("/api/v1/runs/p1")).json()["status"] == "waiting"
        await client.post("/api/v1/runs/p1/events", json={"name": "paid", "data": 4})
        assert (await waiting).json()["standing"]["result"] == 4
        assert site.busy.waiting == 0


async def test_who_waits_for_a_run_waits_so_long_and_is_told_how_it_stands() -> None:
    async with asked() as client:
        await client.post("/api/v1/workflows/sleepy/start", json={"input": 1, "run_id": "s1"})
        began = asyncio.get_running_loop().time()
        run = (await client.get("/api/v1/runs/s1?wait_seconds=0.2")).json()
        assert asyncio.get_running_loop().time() - began >= 0.2
        assert (run["status"], run["wake_at"] is not None) == ("waiting", True)
