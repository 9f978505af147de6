"""The studio's files: found, cached as they may be, and nothing beside them. The API in an application of one's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.server.stock import DOC, MARK, app_in, code
from waystation.server import TokenAuthenticator, TokenFile, application
from waystation.server.pages import Pages
from waystation.studio import FOLDER

pytestmark = pytest.mark.anyio

PAGE = {"Accept": "text/html"}


@asynccontextmanager
async def studio(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[httpx.AsyncClient]:
    """Someone who asks a server whose studio is in that folder."""
    monkeypatch.setattr(application, "Pages", lambda: Pages(folder))
    api = app_in().asgi()
    async with api.router.lifespan_context(api):
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=PAGE) as client:
            yield client


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A studio as it is built, and a file beside it."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Studio</title>", encoding="utf-8")
    (folder / "assets" / "index-5f2c.js").write_text("export {}", encoding="utf-8")
    (folder / "favicon.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    return folder


async def test_the_studio_is_served_with_what_it_loads(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with studio(dist, monkeypatch) as client:
        page = await client.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "Studio" in page.text
        assert page.headers["cache-control"] == "no-cache", "another one may be there tomorrow"
        script = await client.get("/assets/index-5f2c.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert (await client.get("/favicon.svg")).headers["content-type"] == "image/svg+xml"
        again = await client.get("/", headers={"If-None-Match": page.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await client.head("/")).status_code == 200


async def test_a_place_within_the_studio_is_its_page(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with studio(dist, monkeypatch) as client:
        for place in (
            "/runs",
            "/runs/order-7",
            "/runs/a.b",
            "/workflows/approval",
            "/inbox",
            "/runs/monthly/first@2026",
        ):
            page = await client.get(place)
            assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache"), place
            assert "Studio" in page.text


async def test_what_is_no_place_and_no_file_is_not_there(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with studio(dist, monkeypatch) as client:
        for path in ("/assets/none.js", "/robots.txt", "/api/none", "/api", "/.env", "/health/none"):
            assert code(await client.get(path)) == (404, "not_found"), path
        assert code(await client.post("/runs", headers=MARK)) == (404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "//etc/passwd",
        "/a%00b.txt",
    ],
)
async def test_nothing_beside_the_studio_is_served(path: str, dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with studio(dist, monkeypatch) as client:
        reply = await client.get(path)
        assert "secret" not in reply.text
        assert "root:" not in reply.text
        assert reply.status_code in (200, 404)


async def test_a_studio_that_was_not_built_is_told_how_to_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with studio(tmp_path / "none", monkeypatch) as client:
        page = await client.get("/")
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "make studio" in page.text
        assert "/api/v1/docs" in page.text
        assert code(await client.get("/api/v1/none")) == (404, "not_found")


async def test_a_server_without_a_studio_has_only_the_api() -> None:
    api = app_in().asgi(studio=False)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://localhost") as client:
        assert code(await client.get("/")) == (404, "not_found")


def test_the_studio_is_looked_for_in_the_package() -> None:
    assert Path("waystation/studio/dist").parts == FOLDER.parts[-3:]


# ------------------------------------------------------------------ in an application of one's own


async def test_the_router_in_another_application_guards_itself_just_as_well(file: TokenFile) -> None:
    token = {"Authorization": f"Bearer {file.new('ada', ['run'])}"}
    own = FastAPI()

    @own.get("/mine")
    def mine() -> str:
        return "mine"

    app = app_in()
    own.include_router(app.router(auth=TokenAuthenticator(file)), prefix="/way")
    async with own.router.lifespan_context(own):
        assert app.is_open, "it is opened with the application it is in"
        async with httpx.AsyncClient(transport=httpx.ASGITransport(own), base_url="http://localhost") as client:
            assert (await client.get("/mine")).json() == "mine"
            assert code(await client.get("/way/api/v1/runs")) == (401, "unauthenticated")
            wrong = {**token, "Host": "evil.example"}
            assert code(await client.get("/way/api/v1/runs", headers=wrong)) == (421, "wrong_host")
            body = {"input": DOC, "run_id": "r1", "wait_seconds": 10}
            reply = await client.post("/way/api/v1/workflows/approval/start", json=body, headers=token)
            assert (reply.status_code, reply.json()["status"]) == (201, "suspended")
            assert reply.headers["location"] == "/way/api/v1/runs/r1"
            assert reply.headers["cache-control"] == "no-store"
            bad = await client.post("/way/api/v1/workflows/approval/start", json={}, headers=token)
            assert code(bad) == (422, "invalid_request")
            description = (await client.get("/openapi.json")).json()
            assert "/way/api/v1/runs/{run_id}/resume" in description["paths"]
            assert description["components"]["schemas"]["Problem"]["properties"]["code"]
    assert not app.is_open


async def test_the_whole_may_be_mounted_below_a_path_of_another_application() -> None:
    app = app_in()
    own = FastAPI()
    own.mount("/way", app.asgi(studio=False))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(own), base_url="http://localhost", headers=MARK
    ) as client:
        body = {"input": DOC, "run_id": "r1", "wait_seconds": 10}
        reply = await client.post("/way/api/v1/workflows/approval/start", json=body)
        assert (reply.status_code, reply.headers["location"]) == (201, "/way/api/v1/runs/r1")
        assert (await client.get(reply.headers["location"])).json()["status"] == "suspended"
    await app.close()
