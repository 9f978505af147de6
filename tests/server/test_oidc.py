"""JWTs of an identity provider: one whose keys are served here, and rotated, and cannot be had."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey
from starlette.requests import Request

from tests.server.stock import asked, code
from waystation.errors import IdentityInvalid, IdentityUnavailable
from waystation.server import OidcAuthenticator, Principal
from waystation.server import oidc as module

pytestmark = pytest.mark.anyio

ISSUER = "https://id.example.org"


@dataclass
class Provider:
    """An identity provider's keys, served on a port of its own.

    Attributes:
        url: where the keys are.
        keys: those that it has.
        asked: how often they were asked for.
        status: what it answers with.
        others: what it gives beside them, or (no list) for them.
    """

    url: str
    keys: list[Key] = field(default_factory=list)
    asked: int = 0
    status: str = "200 OK"
    others: object = None

    def authenticator(self, **more: object) -> OidcAuthenticator:
        return OidcAuthenticator(ISSUER, audience="waystation", jwks_url=f"{self.url}/jwks", **more)  # type: ignore[arg-type]  # what a test says

    def body(self, path: str) -> bytes:
        """What is there."""
        if path == "/.well-known/openid-configuration":
            return json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}).encode()
        keys = [key.as_dict(private=False) for key in self.keys]
        return json.dumps(
            {"keys": [*self.others, *keys] if isinstance(self.others, list) else keys or self.others}
        ).encode()


@asynccontextmanager
async def provider(*keys: Key) -> AsyncGenerator[Provider]:
    """A provider with these keys."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        found.asked += path == "/jwks"
        body = found.body(path)
        head = f"HTTP/1.1 {found.status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        found = Provider(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", list(keys))
        yield found


ONE = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
TWO = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})


def token(key: Key = ONE, *, alg: str = "RS256", kid: str | None = None, **claims: object) -> str:
    """A token that holds, but for what is said otherwise."""
    now = int(time.time())
    said = {"iss": ISSUER, "aud": "waystation", "sub": "ada", "scope": "openid read answer", "exp": now + 60, **claims}
    kept = {name: value for name, value in said.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": kid or key.kid or ""}, kept, key, algorithms=[alg])


async def asks(authenticator: OidcAuthenticator, given: str) -> Principal | None:
    headers = [(b"authorization", f"Bearer {given}".encode())]
    return await authenticator.authenticate(Request({"type": "http", "headers": headers}))


async def test_whom_the_provider_vouches_for_is_known_by_its_claims() -> None:
    async with provider(ONE) as found:
        authenticator = found.authenticator()
        known = await asks(authenticator, token())
        assert known == Principal(actor="ada", scopes=frozenset({"read", "answer"}), auth="oidc")
        named = found.authenticator(
            actor_claim="email", scopes_claim="roles", scopes={"approver": "answer", "boss": "admin"}
        )
        known = await asks(named, token(email="ada@example.org", roles=["approver", "read", 7]))
        assert known == Principal(actor="ada@example.org", scopes=frozenset({"answer"}), auth="oidc")
        assert await asks(authenticator, token(aud=["other", "waystation"])) is not None
        assert found.asked == 2, "once for each authenticator, not for each token"


def signed_with_the_public_key() -> str:
    """A token signed with what everyone can have, as if that were a secret shared with the provider."""
    _, payload, _ = token().split(".")
    signed = f"{_text(json.dumps({'alg': 'HS256', 'kid': 'one'}).encode())}.{payload}"
    return f"{signed}.{_text(hmac.digest(ONE.as_pem(private=False), signed.encode(), 'sha256'))}"


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def changed(good: str, other: str) -> str:
    """What the one says, signed for what the other says."""
    head, _, signature = good.split(".")
    return f"{head}.{other.split('.')[1]}.{signature}"


def with_header(**more: object) -> str:
    """A token with more in its header."""
    _, payload, signature = token().split(".")
    return f"{_text(json.dumps({'alg': 'RS256', 'kid': 'one', **more}).encode())}.{payload}.{signature}"


FORGED: dict[str, Callable[[], str]] = {
    "expired": lambda: token(exp=int(time.time()) - 3600),
    "no end": lambda: token(exp=None),
    "not yet": lambda: token(nbf=int(time.time()) + 3600),
    "another issuer": lambda: token(iss="https://evil.example"),
    "no issuer": lambda: token(iss=None),
    "another audience": lambda: token(aud="other"),
    "no audience": lambda: token(aud=None),
    "another key of the same name": lambda: token(RSAKey.generate_key(2048, {"kid": "one"})),
    "an unknown key": lambda: token(RSAKey.generate_key(2048, {"kid": "nine"})),
    "the public key as a secret": signed_with_the_public_key,
    "a changed payload": lambda: changed(token(), token(sub="bob")),
    "no signature": lambda: token().rpartition(".")[0] + ".",
    "no name": lambda: token(sub=None),
    "a name that is none": lambda: token(sub=7),
    "a name with a line break": lambda: token(sub="ada\nbob"),
    "a header that must be understood": lambda: with_header(crit=["x"]),
    "a header that is none": lambda: with_header(crit=[[]]),
    "an algorithm that is none": lambda: with_header(alg=[]),
    "a name of a key that is none": lambda: with_header(kid={}),
    "a deep header": lambda: f"{_text(b'[' * 20_000)}.e30.AA",
    "no JWT": lambda: "wst_1_2",
    "dots": lambda: "..",
    "nothing": lambda: "",
}


async def test_a_token_that_does_not_hold_lets_nobody_in() -> None:
    async with provider(ONE) as found, asked(auth=found.authenticator()) as client:
        for what, forged in FORGED.items():
            assert (await client.get("/api/v1/runs", headers={"Authorization": f"Bearer {token()}"})).status_code == 200
            reply = await client.get("/api/v1/runs", headers={"Authorization": f"Bearer {forged()}"})
            assert code(reply) == (401, "unauthenticated"), what


async def test_a_key_that_is_new_at_the_provider_is_fetched_and_one_that_is_gone_does_not_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.0)
    async with provider(ONE) as found:
        authenticator = found.authenticator()
        assert await asks(authenticator, token()) is not None
        found.keys = [TWO]
        assert await asks(authenticator, token(TWO, alg="ES256")) is not None
        assert await asks(authenticator, token()) is None
        assert found.asked == 3


ODD_KEYS: list[object] = [
    {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA", "kid": "odd"},
    {"kty": "OKP", "crv": "Ed448", "x": "AA", "kid": "short"},
    {"kty": "RSA", "n": 1, "e": 2},
    {"kty": "AKP", "kid": "of tomorrow"},
    {"kty": []},
    [],
    7,
]


async def test_a_provider_may_have_keys_that_are_not_known_here_beside_those_that_are() -> None:
    async with provider(ONE) as found:
        found.others = ODD_KEYS
        assert await asks(found.authenticator(), token()) is not None


@pytest.mark.parametrize("others", [ODD_KEYS, [], "keys", None, 7])
async def test_without_a_key_that_is_known_here_nobody_is(others: object) -> None:
    async with provider() as found:
        found.others = others
        with pytest.raises(IdentityUnavailable):
            await asks(found.authenticator(), token())


async def test_tokens_with_made_up_keys_do_not_overrun_the_provider() -> None:
    async with provider(ONE) as found:
        authenticator = found.authenticator()
        for number in range(20):
            assert await asks(authenticator, token(TWO, alg="ES256", kid=f"made up {number}")) is None
        assert found.asked == 1


async def test_while_the_provider_is_away_its_keys_are_used_and_without_any_nobody_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(module, "_KEPT_SECONDS", 0.0)
    async with provider(ONE) as found:
        authenticator = found.authenticator()
        assert await asks(authenticator, token()) is not None
        found.status = "500 Internal Server Error"
        assert await asks(authenticator, token()) is not None
        with pytest.raises(IdentityUnavailable):
            await asks(found.authenticator(), token())
        async with asked(auth=found.authenticator()) as client:
            reply = await client.get("/api/v1/runs", headers={"Authorization": f"Bearer {token()}"})
            assert code(reply) == (503, "identity_unavailable")
            assert reply.headers["retry-after"] == "1"


async def test_where_the_keys_are_is_asked_of_the_provider() -> None:
    async with provider(ONE) as found:
        authenticator = OidcAuthenticator(found.url, audience="waystation")
        assert await asks(authenticator, token(iss=found.url)) is not None
        impostor = OidcAuthenticator(found.url + "/", audience="waystation")
        with pytest.raises(IdentityUnavailable):
            await asks(impostor, token(iss=found.url + "/"))


@pytest.mark.parametrize(
    "url", ["http://id.example.org/jwks", "ftp://id.example.org", "id.example.org", "file:///keys"]
)
def test_keys_are_fetched_by_https_alone(url: str) -> None:
    with pytest.raises(IdentityInvalid, match="https"):
        OidcAuthenticator(ISSUER, audience="waystation", jwks_url=url)


async def test_a_session_may_be_that_of_the_provider() -> None:
    async with provider(ONE) as found, asked(auth=found.authenticator()) as client:
        assert (await client.post("/api/v1/session", json={"token": token()})).status_code == 204
        me = (await client.get("/api/v1/me")).json()
        assert (me["actor"], me["auth"]) == ("ada", "session")
