"""What a browser on the same machine could be made to do: by names that point here, and by pages of other sites."""

from __future__ import annotations

from http.cookies import SimpleCookie

import httpx
import pytest
from starlette.responses import Response

from tests.server.stock import DOC, MARK, app_in, asked, code, started
from waystation.errors import OriginInvalid
from waystation.server import TokenAuthenticator, TokenFile
from waystation.server.headers import DATA_POLICY, PAGE_POLICY, SafeHeaders

pytestmark = pytest.mark.anyio

START = "/api/v1/workflows/approval/start"
BODY = {"input": DOC, "run_id": "r1"}


# ------------------------------------------------------------------ Host


async def test_this_machine_goes_by_its_own_names() -> None:
    async with asked() as client:
        for host in ("localhost", "LOCALHOST:8484", "127.0.0.1:1", "[::1]", "[::1]:8484", "localhost."):
            assert (await client.get("/api/v1/runs", headers={"Host": host})).status_code == 200, host


FOREIGN = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "", "[::2]", "evil@localhost"]
NO_NAMES = [
    "localhost:@evil.example",
    "localhost:80/x",
    "localhost:#",
    "localhost:80, evil.example",
    "[::1].evil",
    "[::1",
]


async def test_a_name_that_someone_pointed_at_this_machine_gets_nothing() -> None:
    async with asked() as client:
        for host in (*FOREIGN, *NO_NAMES):
            for path in ("/api/v1/runs", "/api/v1/session", "/metrics", "/api/v1/docs", "/", "/runs/r1"):
                assert code(await client.get(path, headers={"Host": host}))[0] in (421, 405), path
            assert code(await client.post(START, json=BODY, headers={"Host": host})) == (421, "wrong_host")
            assert (await client.get("/health/live", headers={"Host": host})).status_code == 200, "it tells nothing"


@pytest.mark.parametrize("host", ["evil.example", "localhost"])
async def test_nobody_is_sent_on_to_the_name_that_they_asked(host: str) -> None:
    async with asked() as client:
        for path in ("/api/v1/workflows/", "/api/v1/session/", "/metrics/", "/health/live/"):
            for reply in (await client.get(path, headers={"Host": host}), await client.post(path)):
                assert reply.status_code in (404, 405, 421), path
                assert "location" not in reply.headers


async def test_a_server_goes_by_the_names_it_was_given() -> None:
    async with asked(hosts=["Way.Example.org"]) as client:
        assert (await client.get("/api/v1/runs", headers={"Host": "way.example.org:443"})).status_code == 200
        assert code(await client.get("/api/v1/runs", headers={"Host": "example.org"})) == (421, "wrong_host")
    for address in ("2001:db8::1", "[2001:DB8::1]"):
        async with asked(hosts=[address]) as client:
            assert (await client.get("/api/v1/runs", headers={"Host": "[2001:db8::1]:8484"})).status_code == 200
    async with asked(hosts=["*"]) as client:
        assert (await client.get("/api/v1/runs", headers={"Host": "any.example.org"})).status_code == 200


# ------------------------------------------------------------------ pages of other sites


async def test_what_changes_something_needs_the_header_that_other_sites_cannot_send() -> None:
    async with asked(headers={}) as client:
        assert code(await client.post(START, json=BODY)) == (403, "cross_site_refused")
        assert code(await client.delete("/api/v1/runs/r1")) == (403, "cross_site_refused")
        assert (await client.get("/api/v1/runs")).json()["runs"] == [], "nothing was done"
        assert (await client.post(START, json=BODY, headers=MARK)).status_code == 201


async def test_a_form_of_another_site_does_nothing() -> None:
    async with asked(headers={}) as client:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            reply = await client.post(
                START, content=b'{"input": {}}', headers={"Content-Type": kind, "Origin": "https://evil.example"}
            )
            assert code(reply) == (403, "cross_site_refused")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://localhost.evil.example",
        "http://127.0.0.1:9",
        "http://[",
        "//localhost",
        "file://localhost",
    ],
)
async def test_a_page_of_another_site_gets_nothing_not_even_with_the_header(origin: str) -> None:
    async with asked() as client:
        await started(client)
        for method, path in (
            ("POST", START),
            ("GET", "/api/v1/runs"),
            ("GET", "/api/v1/stream"),
            ("DELETE", "/api/v1/runs/r1"),
        ):
            reply = await client.request(method, path, headers={"Origin": origin})
            assert code(reply) == (403, "cross_site_refused"), (method, path)
            assert "access-control-allow-origin" not in reply.headers
        assert (await client.get("/api/v1/runs/r1")).status_code == 200


SAID = [
    ("cross-site", "no-cors", "image", 403),
    ("same-site", "no-cors", "script", 403),
    ("cross-site", "navigate", "document", 200),
    ("cross-site", "navigate", "iframe", 403),
    ("same-site", "navigate", "object", 403),
    ("same-origin", "cors", "empty", 200),
    ("none", "navigate", "document", 200),
]


async def test_what_the_browser_says_of_a_request_counts() -> None:
    async with asked() as client:
        for site, mode, to, status in SAID:
            said = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": to}
            assert (await client.get("/api/v1/runs", headers=said)).status_code == status, said


async def test_the_servers_own_pages_may_use_it() -> None:
    async with asked() as client:
        reply = await client.post(
            START, json=BODY, headers={"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
        )
        assert reply.status_code == 201


async def test_a_request_with_a_token_of_its_own_comes_from_no_habit_of_a_browser(file: TokenFile) -> None:
    bearer = {"Authorization": f"Bearer {file.new('ada', ['admin'])}"}
    async with asked(auth=TokenAuthenticator(file), headers=bearer) as client:
        assert (await client.post(START, json=BODY)).status_code == 201


async def test_without_an_authenticator_a_made_up_token_does_not_stand_for_the_header() -> None:
    async with asked(headers={"Authorization": "Bearer anything"}) as client:
        assert code(await client.post(START, json=BODY)) == (403, "cross_site_refused")


# ------------------------------------------------------------------ CORS


async def test_pages_of_other_sites_may_use_it_only_if_their_origin_was_given() -> None:
    origin = {"Origin": "https://tools.example.org"}
    preflight = {
        **origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-waystation,authorization",
    }
    async with asked(origins=["https://tools.example.org"]) as client:
        reply = await client.options(START, headers=preflight)
        assert reply.status_code == 200
        assert reply.headers["access-control-allow-origin"] == "https://tools.example.org"
        assert "access-control-allow-credentials" not in reply.headers, "a session is for the server's own pages"
        reply = await client.post(START, json=BODY, headers=origin)
        assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (201, "https://tools.example.org")
        assert "Location" in reply.headers["access-control-expose-headers"]
        other = {**preflight, "Origin": "https://other.example.org"}
        reply = await client.options(START, headers=other)
        assert (reply.status_code, reply.headers.get("access-control-allow-origin")) == (400, None)
    async with asked() as client:
        reply = await client.options(START, headers=preflight)
        assert (reply.status_code, reply.headers.get("access-control-allow-origin")) == (405, None)


@pytest.mark.parametrize("origin", ["*", "example.org", "https://example.org/", "https://", "null"])
async def test_what_is_no_origin_is_not_allowed_to_be_one(origin: str) -> None:
    with pytest.raises(OriginInvalid, match="is not the origin"):
        app_in().asgi(origins=[origin])


# ------------------------------------------------------------------ sessions


async def logged_in(client: httpx.AsyncClient, token: str) -> SimpleCookie:
    """Log in, as a browser does; the cookie it is given."""
    reply = await client.post("/api/v1/session", json={"token": token}, headers=MARK)
    assert (reply.status_code, reply.content) == (204, b"")
    return SimpleCookie(reply.headers["set-cookie"])


async def test_a_browser_keeps_its_token_as_a_cookie_that_no_script_can_read(file: TokenFile) -> None:
    token = file.new("ada", ["run"])
    async with asked(auth=TokenAuthenticator(file), headers={}) as client:
        assert code(await client.get("/api/v1/me")) == (401, "unauthenticated")
        cookie = (await logged_in(client, token))["waystation_session"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "strict", "/", "")
        me = (await client.get("/api/v1/me")).json()
        assert (me["actor"], me["auth"], me["scopes"]) == ("ada", "session", ["read", "run"])
        assert code(await client.post(START, json=BODY)) == (403, "cross_site_refused"), (
            "a cookie alone changes nothing"
        )
        assert (await client.post(START, json=BODY, headers=MARK)).status_code == 201
        file.revoke(file.list()[-1].id)
        assert code(await client.get("/api/v1/me")) == (401, "unauthenticated"), "at once"


async def test_logging_out_takes_the_cookie_away(file: TokenFile) -> None:
    async with asked(auth=TokenAuthenticator(file), headers={}) as client:
        await logged_in(client, file.new("ada", ["run"]))
        assert code(await client.delete("/api/v1/session")) == (403, "cross_site_refused")
        assert (await client.get("/api/v1/me")).status_code == 200
        assert (await client.delete("/api/v1/session", headers=MARK)).status_code == 204
        assert code(await client.get("/api/v1/me")) == (401, "unauthenticated")


async def test_a_token_that_does_not_hold_makes_no_session(file: TokenFile) -> None:
    token = file.new("ada", ["run"])
    async with asked(auth=TokenAuthenticator(file)) as client:
        reply = await client.post("/api/v1/session", json={"token": token[:-1]})
        assert code(reply) == (401, "unauthenticated")
        assert "set-cookie" not in reply.headers
        assert token[:-1] not in reply.text
        for bad in ("a b", "a;b", "ä", "x" * 4000, ""):
            assert code(await client.post("/api/v1/session", json={"token": bad})) == (422, "invalid_request")


async def test_over_https_the_cookie_goes_over_nothing_else(file: TokenFile) -> None:
    async with asked(auth=TokenAuthenticator(file)) as client:
        client.base_url = httpx.URL("https://localhost")
        assert (await logged_in(client, file.new("ada", ["run"])))["waystation_session"]["secure"] is True


async def test_a_header_goes_before_a_cookie(file: TokenFile) -> None:
    async with asked(auth=TokenAuthenticator(file), headers={}) as client:
        await logged_in(client, file.new("ada", ["run"]))
        reply = await client.get("/api/v1/me", headers={"Authorization": "Bearer wst_0_0"})
        assert code(reply) == (401, "unauthenticated"), "no falling back to what a browser has"


# ------------------------------------------------------------------ headers of answers


async def test_every_answer_says_what_it_may_not_be_used_for() -> None:
    async with asked() as client:
        for path, policy in (
            ("/api/v1/runs", DATA_POLICY),
            ("/api/v1/nothing", DATA_POLICY),
            ("/metrics", DATA_POLICY),
            ("/health/live", DATA_POLICY),
            ("/api/v1/docs", PAGE_POLICY),
            ("/", PAGE_POLICY),
        ):
            reply = await client.get(path)
            headers = reply.headers
            assert headers["content-security-policy"] == policy, path
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            if path.startswith("/api"):
                assert headers["cache-control"] == "no-store"
            assert "server" not in headers


async def test_a_page_that_has_not_changed_keeps_the_policy_it_came_with() -> None:
    transport = httpx.ASGITransport(app=SafeHeaders(Response(status_code=304)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        headers = (await client.get("/")).headers
    assert "content-security-policy" not in headers, "a browser would put it on the page that it has kept"
    assert headers["x-content-type-options"] == "nosniff"


def test_the_policy_of_pages_lets_no_script_in_but_the_servers_own() -> None:
    rules = {name: what for name, _, what in (rule.strip().partition(" ") for rule in PAGE_POLICY.split(";"))}
    assert rules["script-src"] == rules["default-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["object-src"] == rules["base-uri"] == "'none'"
    assert "unsafe-eval" not in PAGE_POLICY
