"""JWTs of an identity provider (OpenID Connect): who is known there may ask, as far as the token says.

The provider's public keys (JWKS) are fetched when they are first needed, kept for an hour, and fetched anew when a
token is signed with a key that is not among them: so keys can be rotated there. Only signatures with a key pair are
taken.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import cast
from urllib.parse import urlsplit

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import Key, KeySet, import_key
from starlette.requests import Request

from waystation.errors import IdentityInvalid, IdentityUnavailable
from waystation.server.access import SCOPES, Principal, Scope, bearer_of

_log = logging.getLogger("waystation.server")

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_KEY_TYPES = frozenset({"RSA", "EC", "OKP"})

_KEPT_SECONDS = 3600.0
_OLDEST_SECONDS = 24 * 3600.0
"""While the provider cannot be reached, keys are used that are not older."""
_PAUSE_SECONDS = 10.0
"""So many seconds at least are between two times that the keys are fetched, whatever tokens are sent."""
_FETCH_SECONDS = 5.0
_MOST_BYTES = 1024 * 1024
_LEEWAY_SECONDS = 30
_LONGEST_ACTOR = 200


class OidcAuthenticator:
    """Knows those whom an identity provider vouches for, by the JWT they carry as a bearer token.

    Arguments:
        issuer: the provider, as it is named in its tokens (``iss``).
        audience: for whom tokens must be meant (``aud``): this server.
        jwks_url: where the provider's public keys are; by default it is asked for that
            (``/.well-known/openid-configuration``). https, but on the same machine.
        actor_claim: which claim names who it is: ``"sub"``, ``"email"``, ...
        scopes_claim: which claim holds their scopes: as words with spaces between, or a list.
        scopes: what the provider's scopes or roles are here; by default they have the same names.

    Raises:
        IdentityInvalid: an address that cannot be trusted.

    Example:
        ``OidcAuthenticator("https://id.example.org", audience="waystation",
        jwks_url="https://id.example.org/jwks", scopes={"waystation-approver": "answer"})``
    """

    def __init__(
        self,
        issuer: str,
        *,
        audience: str,
        jwks_url: str | None = None,
        actor_claim: str = "sub",
        scopes_claim: str = "scope",
        scopes: Mapping[str, Scope] | None = None,
    ) -> None:
        self._keys = _Keys(_checked(issuer if jwks_url is None else jwks_url), issuer, is_known=jwks_url is not None)
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(time.time()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )
        self._actor_claim = actor_claim
        self._scopes_claim = scopes_claim
        self._scopes: Mapping[str, Scope] = {scope: scope for scope in SCOPES} if scopes is None else scopes

    async def authenticate(self, request: Request) -> Principal | None:
        """Whom the token is about; None if there is none, or it does not hold.

        Raises:
            IdentityUnavailable: the provider's keys cannot be had.
        """
        token = bearer_of(request)
        if not token or token.count(".") != 2:  # noqa: PLR2004  (a JWT has three parts)
            return None
        try:
            claims = await self._verified(token)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            _log.info("a token does not hold: %s", type(error).__name__)
            return None
        actor = claims.get(self._actor_claim)
        if not isinstance(actor, str) or not actor or len(actor) > _LONGEST_ACTOR or not actor.isprintable():
            return None
        return Principal(actor=actor, scopes=frozenset(self._scopes_in(claims)), auth="oidc")

    async def _verified(self, token: str) -> Mapping[str, object]:
        """The claims of a token that holds. Raises ``JoseError``, ``ValueError``, ``TypeError``, ``RecursionError``."""
        keys = await self._keys.known()
        try:
            found = jwt.decode(token, keys, algorithms=_ALGORITHMS)
        except InvalidKeyIdError:
            found = jwt.decode(token, await self._keys.newer(), algorithms=_ALGORITHMS)
        self._claims.validate(found.claims)
        return found.claims

    def _scopes_in(self, claims: Mapping[str, object]) -> Sequence[Scope]:
        given = claims.get(self._scopes_claim)
        words: Sequence[object] = ()
        if isinstance(given, str):
            words = given.split()
        elif isinstance(given, list):
            words = cast("list[object]", given)
        return [self._scopes[word] for word in words if isinstance(word, str) and word in self._scopes]


class _Keys:
    """The provider's public keys.

    Arguments:
        url: where they are, or the provider itself, which tells where (not ``is_known``).
        issuer: the provider.
    """

    def __init__(self, url: str, issuer: str, *, is_known: bool) -> None:
        self._url = url
        self._issuer = issuer
        self._is_known = is_known
        self._found: KeySet | None = None
        self._found_at = 0.0
        self._asked_at: float | None = None
        self._fetching = asyncio.Lock()

    async def known(self) -> KeySet:
        """The keys, as they were within the last hour, if they can be had."""
        if self._found is None or time.monotonic() - self._found_at > _KEPT_SECONDS:
            return await self.newer()
        return self._found

    async def newer(self) -> KeySet:
        """The keys as they are now; those of before, if they were asked for just now or cannot be had.

        Raises:
            IdentityUnavailable.
        """
        async with self._fetching:
            now = time.monotonic()
            if self._asked_at is None or now - self._asked_at > _PAUSE_SECONDS:
                self._asked_at = now
                try:
                    self._found = await self._fetched()
                    self._found_at = now
                except (httpx.HTTPError, IdentityInvalid, ValueError, TypeError, KeyError) as error:
                    _log.warning("the keys of the identity provider cannot be had: %s: %s", type(error).__name__, error)
            if self._found is None or now - self._found_at > _OLDEST_SECONDS:
                raise IdentityUnavailable
            return self._found

    async def _fetched(self) -> KeySet:
        async with httpx.AsyncClient(timeout=_FETCH_SECONDS, follow_redirects=False) as client:
            if not self._is_known:
                told = await _json(client, f"{self._url.rstrip('/')}/.well-known/openid-configuration")
                if told["issuer"] != self._issuer:
                    raise ValueError(f"the provider calls itself {told['issuer']!r}, not {self._issuer!r}")
                self._url, self._is_known = _checked(str(told["jwks_uri"])), True
            found = await _json(client, self._url)
        return KeySet(_usable(found["keys"]))


def _usable(keys: object) -> list[Key]:
    """Those of a provider's keys that signatures can be checked with. It may have others, of kinds that are not known.

    Raises:
        ValueError: there are none.
    """
    usable: list[Key] = []
    for each in cast("list[object]", keys) if isinstance(keys, list) else []:
        data = cast("dict[str, str | list[str]]", each) if isinstance(each, dict) else {}
        try:
            if data.get("kty") in _KEY_TYPES:
                usable.append(import_key(data))
        except (JoseError, ValueError, TypeError, KeyError) as error:
            _log.info("a key of the identity provider is of no use: %s", type(error).__name__)
    if not usable:
        raise ValueError("there are no keys that signatures can be checked with")
    return usable


async def _json(client: httpx.AsyncClient, url: str) -> dict[str, object]:
    """The JSON object that is there. Raises ``httpx.HTTPError``, ``ValueError``."""
    async with client.stream("GET", url) as response:
        response.raise_for_status()
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise ValueError(f"what is at {url!r} is too long")
    return msgspec.json.decode(bytes(body), type=dict[str, object])


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")):
        return url
    raise IdentityInvalid(f"the keys of an identity provider are to be fetched by https, not from {url!r}")
