"""The studio's page names its files wherever it is mounted."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from waystation.server.pages import Pages

pytestmark = pytest.mark.anyio

PAGE = '<link href="/mark.svg"><script src="/assets/index-1.js"></script><a href="https://example.org/">'


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "assets" / "index-1.js").write_text("1")
    return Pages(tmp_path)


def client_of(pages: Pages, path: str) -> httpx.AsyncClient:
    async def page(request: Request) -> Response:
        return await pages.page(request)

    inner = Starlette(routes=[Route("/{path:path}", page)])
    app = Starlette(routes=[Mount(path, app=inner)]) if path else inner
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")


@pytest.mark.parametrize("mounted_at", ["", "/flows", "/a/b"])
async def test_every_page_names_its_files_below_the_path_it_is_mounted_at(pages: Pages, mounted_at: str) -> None:
    async with client_of(pages, mounted_at) as client:
        for path in ("/", "/inbox", "/runs/a/b"):
            reply = await client.get(mounted_at + path)
            assert reply.status_code == 200
            assert reply.text == PAGE.replace('="/', f'="{mounted_at}/')
            assert reply.headers["cache-control"] == "no-cache"
        assert (await client.get(f"{mounted_at}/assets/index-1.js")).text == "1"
        assert (await client.get(f"{mounted_at}/assets/index-2.js")).status_code == 404
