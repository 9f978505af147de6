"""Who may do what: each route is tried without, with forged and with too little credentials.

The routes are those of the API's own description, and all there are must be in it: a new one cannot be forgotten here.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from starlette.requests import Request

from tests.server.stock import app_in, asked, code
from waystation.server import Principal, Scope, TokenAuthenticator, TokenFile
from waystation.server.access import SCOPES
from waystation.server.description import describe

pytestmark = pytest.mark.anyio

WHO = {
    "GET /api/v1/agents": "read",
    "POST /api/v1/events": "run",
    "GET /api/v1/docs": "read",
    "GET /api/v1/me": "known",
    "GET /api/v1/openapi.json": "read",
    "GET /api/v1/runs": "read",
    "GET /api/v1/runs/{run_id}": "read",
    "DELETE /api/v1/runs/{run_id}": "admin",
    "POST /api/v1/runs/{run_id}/cancel": "run",
    "POST /api/v1/runs/{run_id}/events": "run",
    "GET /api/v1/runs/{run_id}/export": "read",
    "POST /api/v1/runs/{run_id}/fork": "run",
    "GET /api/v1/runs/{run_id}/history": "read",
    "GET /api/v1/runs/{run_id}/journal": "read",
    "GET /api/v1/runs/{run_id}/logs": "read",
    "POST /api/v1/runs/{run_id}/proceed": "run",
    "POST /api/v1/runs/{run_id}/restart": "run",
    "POST /api/v1/runs/{run_id}/resume": "answer",
    "POST /api/v1/runs/{run_id}/start": "run",
    "GET /api/v1/runs/{run_id}/stream": "read",
    "GET /api/v1/schedules": "read",
    "POST /api/v1/schedules/{schedule_id}/pause": "admin",
    "POST /api/v1/schedules/{schedule_id}/resume": "admin",
    "POST /api/v1/schedules/{schedule_id}/run": "run",
    "POST /api/v1/session": "cookie",
    "DELETE /api/v1/session": "cookie",
    "GET /api/v1/stream": "read",
    "GET /api/v1/suspensions": "read",
    "GET /api/v1/tools": "read",
    "GET /api/v1/workflows": "read",
    "GET /api/v1/workflows/{workflow_id}": "read",
    "POST /api/v1/workflows/{workflow_id}/runs": "run",
    "POST /api/v1/workflows/{workflow_id}/start": "run",
    "GET /health/live": "anyone",
    "GET /health/ready": "anyone",
    "GET /metrics": "read",
}
"""Who may use which route, as it was meant."""

ENDLESS = {"/api/v1/stream"}
"""What is not to be asked for without a socket: it does not end."""

MAY = {
    "read": {"read"},
    "run": {"read", "run"},
    "answer": {"read", "answer"},
    "admin": {"read", "run", "answer", "admin"},
}


class Route(NamedTuple):
    """A route, as the description knows it."""

    method: str
    path: str
    who: str

    @property
    def url(self) -> str:
        """Where it is, of a run or schedule that is not there."""
        return self.path.replace("{run_id}", "none").replace("{schedule_id}", "none").replace("{workflow_id}", "none")

    async def asked(self, client: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
        """It is asked, with a body that is none of its own: who asks comes first."""
        encoded = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
        if self.method == "POST":
            encoded[b"Content-Type"] = b"application/json"
        content = b'{"no": "such"}' if self.method == "POST" else None
        return await client.request(self.method, self.url, headers=list(encoded.items()), content=content)


@cache
def routes() -> list[Route]:
    """Every route of the description."""
    paths: dict[str, dict[str, Any]] = describe(app_in().asgi(auth=Nobody()))["paths"]
    return [
        Route(method.upper(), path, route["x-waystation-who"])
        for path, methods in paths.items()
        for method, route in methods.items()
    ]


class Nobody:
    """Knows nobody."""

    async def authenticate(self, request: Request) -> Principal | None:
        return None


class ByName:
    """Believes whoever says which scope they have: ``Authorization: Bearer run``."""

    async def authenticate(self, request: Request) -> Principal | None:
        scope = request.headers.get("authorization", "").removeprefix("Bearer ")
        if scope not in SCOPES:
            return None
        scopes: frozenset[Scope] = frozenset({scope})
        return Principal(actor=f"someone who may {scope}", scopes=scopes)


def test_every_route_is_described_and_open_to_those_it_was_meant_for() -> None:
    assert {f"{route.method} {route.path}": route.who for route in routes()} == WHO


def test_there_is_no_route_but_those_that_are_described() -> None:
    api = app_in().asgi()
    served = {
        f"{method} {(context.path or '').replace(':path', '')}"
        for context in iter_route_contexts(api.routes)
        for method in context.methods or ()
    }
    assert served == set(WHO)


def forged(good: str) -> Iterator[tuple[str, str]]:
    """Credentials that are none, most of them made of one that holds."""
    prefix, token_id, secret = good.split("_", 2)
    jwt = ".".join(
        urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "none"}, {"sub": "ada", "scope": "admin", "exp": 99_999_999_999})
    )
    yield "another secret", f"Bearer {prefix}_{token_id}_{'A' * len(secret)}"
    yield "no secret", f"Bearer {prefix}_{token_id}_"
    yield "part of the secret", f"Bearer {good[:-1]}"
    yield "more than the secret", f"Bearer {good}A"
    yield "another id", f"Bearer {prefix}_{'0' * len(token_id)}_{secret}"
    yield "the hash for the secret", f"Bearer {prefix}_{token_id}_{'0' * 64}"
    yield "another prefix", f"Bearer wsx_{token_id}_{secret}"
    yield "another scheme", f"Basic {good}"
    yield "no scheme", good
    yield "nothing behind the scheme", "Bearer "
    yield "an unsigned JWT", f"Bearer {jwt}."
    yield "bytes", "Bearer \xff\xfe_\xff_\xff"


def guarded() -> list[Route]:
    """The routes that are not for everyone."""
    return [route for route in routes() if route.who not in ("anyone", "cookie")]


async def test_nobody_gets_past_any_route_without_or_with_forged_credentials(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "tokens.json")
    good = file.new("ada", ["admin"])
    tries = [("nothing", {}), ("a forged cookie", {"Cookie": f"waystation_session={good[:-1]}"})]
    tries += [(what, {"Authorization": credentials}) for what, credentials in forged(good)]
    let_in: list[tuple[Route, str]] = []
    async with asked(auth=TokenAuthenticator(file)) as client:
        for route in guarded():
            for what, headers in tries:
                reply = await route.asked(client, headers)
                if code(reply) != (401, "unauthenticated") or reply.headers["www-authenticate"] != "Bearer":
                    let_in.append((route, what))
        for twice in ((good, "x"), ("x", good), (good, good)):
            both = [("Authorization", f"Bearer {each}") for each in twice]
            assert code(await client.get("/api/v1/me", headers=both)) == (401, "unauthenticated"), twice
        reply = await client.get(f"/api/v1/me?token={good}&access_token={good}")
        assert reply.status_code == 401, "a token in a URL is none: URLs are written down everywhere"
        assert (await client.get("/api/v1/me", headers={"Authorization": f"Bearer {good}"})).status_code == 200
    assert let_in == []


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_opens_the_routes_that_are_for_it_and_no_other(scope: Scope) -> None:
    wrong: list[tuple[Route, int]] = []
    async with asked(auth=ByName()) as client:
        for route in guarded():
            if route.path in ENDLESS and route.who in MAY[scope]:
                continue
            reply = await route.asked(client, {"Authorization": f"Bearer {scope}"})
            is_open = reply.status_code not in (401, 403)
            if is_open != (route.who == "known" or route.who in MAY[scope]) or (not is_open and code(reply)[0] != 403):
                wrong.append((route, reply.status_code))
    assert wrong == []


async def test_what_anyone_may_ask_tells_nothing() -> None:
    async with asked(auth=Nobody()) as client:
        assert (await client.get("/health/live")).json() == {"status": "ok"}
        assert (await client.get("/health/ready")).json() == {"status": "ok"}


async def test_who_has_a_token_is_told_what_they_may(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "tokens.json")
    token = file.new("ada", ["answer"])
    async with asked(auth=TokenAuthenticator(file), headers={"Authorization": f"Bearer {token}"}) as client:
        me = (await client.get("/api/v1/me")).json()
        assert (me["actor"], me["scopes"], me["auth"]) == ("ada", ["read", "answer"], "token")


async def test_an_authenticator_that_fails_lets_nobody_in() -> None:
    class Broken:
        async def authenticate(self, request: Request) -> Principal | None:
            raise RuntimeError("secret-of-the-authenticator")

    async with asked(auth=Broken()) as client:
        reply = await client.get("/api/v1/runs")
        assert code(reply) == (500, "internal_error")
        assert "secret" not in reply.text
