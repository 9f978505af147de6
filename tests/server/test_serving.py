"""The server as a process: where it may listen, how it ends, and what is there after it was killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.server.stock import MARK, Message, app_in, comes_true, read, started
from waystation.errors import ListenFailed, ListenRefused
from waystation.server import TokenAuthenticator, TokenFile, check_listen, serve, serve_until_stopped

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]
STREAM = "/api/v1/runs/r1/stream"


@contextmanager
def child(store: str, port: int = 0, log: Path | None = None) -> Generator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address. It does not outlive the test."""
    with open(log or os.devnull, "w", encoding="utf-8") as errors:  # noqa: PTH123  (a path or the null device)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.serving_child", store, str(port)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()
            process.communicate(timeout=10)


def client_of(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers=MARK, timeout=10)


async def test_a_server_that_is_killed_and_started_again_goes_on_with_its_streams(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'runs.db'}"
    found: list[Message] = []
    with child(store) as (process, url):
        async with client_of(url) as client:
            await started(client)
            reading = asyncio.create_task(read(client, STREAM, into=found))
            await comes_true(lambda: bool(found) and found[-1].event == "run-suspended")
            process.kill()
            with pytest.raises(httpx.HTTPError):
                await reading
    with child(store, httpx.URL(url).port or 0) as (_, again):
        assert again == url
        async with client_of(url) as client:
            reading = asyncio.create_task(read(client, STREAM, after=found[-1].id, into=found))
            body = {"data": {"approved": True}, "wait_seconds": 10}
            assert (await client.post("/api/v1/runs/r1/resume", json=body)).json()["status"] == "success"
            await reading
            assert found == await read(client, STREAM), "nothing is missing, and nothing came twice"
            assert found[-1].event == "end"


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
async def test_a_server_that_is_told_to_end_ends_at_once_and_cleanly(by: signal.Signals, tmp_path: Path) -> None:
    store, log = f"sqlite:///{tmp_path / 'runs.db'}", tmp_path / "log.txt"
    with child(store, log=log) as (process, url):
        async with client_of(url) as client:
            await started(client)
            await client.post("/api/v1/workflows/paid/start", json={"input": 1, "run_id": "p1"})
            of_run: list[Message] = []
            readers = [asyncio.create_task(read(client, path, into=of_run)) for path in (STREAM, "/api/v1/stream")]
            waiter = asyncio.create_task(client.get("/api/v1/runs/p1?wait_seconds=60"))
            await comes_true(lambda: len(of_run) == 5)
            began = asyncio.get_running_loop().time()
            process.send_signal(by)
            await asyncio.gather(*readers)
            assert (await waiter).json()["status"] == "waiting"
            told, _ = await asyncio.to_thread(process.communicate, timeout=10)
            assert asyncio.get_running_loop().time() - began < 5
    assert ("ended" in told) == (by == signal.SIGINT), "SIGTERM ends the process by itself, when all is done"
    assert process.returncode == (0 if by == signal.SIGINT else -signal.SIGTERM)
    assert "Traceback" not in log.read_text(encoding="utf-8")
    async with app_in(store, recover=False) as app:
        engine, _ = await app.opened()
        workers = await engine.store.workers()
        assert [worker.worker_id for worker in workers if worker.worker_id != engine.worker_id] == [], "it signed off"


async def test_a_token_is_in_no_log(tmp_path: Path, file: TokenFile, caplog: pytest.LogCaptureFixture) -> None:
    from tests.server.stock import served

    token = file.new("ada", ["admin"])
    caplog.set_level("DEBUG")
    async with served(auth=TokenAuthenticator(file), headers={"Authorization": f"Bearer {token}"}) as (client, _):
        await started(client)
        await client.post("/api/v1/session", json={"token": token})
        await client.post("/api/v1/session", json={"token": token[:-1]})
        await client.get("/api/v1/me", headers={"Authorization": f"Bearer {token[:-1]}"})
        await client.post("/api/v1/session", json={"token": [token]})
        await read(client, f"{STREAM}?live=false")
    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("waystation"))
    assert token.split("_")[2] not in said
    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith(("uvicorn", "fastapi")))
    assert token.split("_")[2] not in said


# ------------------------------------------------------------------ where it may listen


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "example.org", "127.0.0.1.example.org"])
def test_without_an_authenticator_it_listens_on_this_machine_alone(host: str) -> None:
    with pytest.raises(ListenRefused, match="without an authenticator"):
        check_listen(host, None)
    with pytest.raises(ListenRefused):
        serve(app_in(), host, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_is_no_reason_to_refuse(host: str) -> None:
    check_listen(host, None)


def test_with_an_authenticator_it_may_listen_anywhere(file: TokenFile) -> None:
    check_listen("0.0.0.0", TokenAuthenticator(file))


async def test_where_something_else_listens_it_says_so_and_leaves_the_app_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        app = app_in()
        with pytest.raises(ListenFailed, match=f"port {other.getsockname()[1]}: something else listens there"):
            await serve_until_stopped(app, port=other.getsockname()[1])
        assert not app.is_open
        await app.close()


async def test_a_server_whose_task_is_cancelled_ends_cleanly_and_leaves_an_open_app_open(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with app_in() as app:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(serve_until_stopped(app, port=0, on_ready=ready.set_result))
        async with client_of(await ready) as client:
            assert (await client.get("/health/ready")).status_code == 200
            came: list[Message] = []
            reading = asyncio.create_task(read(client, "/api/v1/stream", into=came))
            await comes_true(lambda: bool(came))
            serving.cancel()
            await reading  # it was ended, not broken off
        with suppress(asyncio.CancelledError):
            await serving
        assert serving.cancelled()
        assert "Traceback" not in caplog.text
        assert app.is_open
        assert (await app.list_runs()).runs == []
