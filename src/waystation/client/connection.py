"""What goes to the server and comes back: requests, made again where that does no harm, and errors."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import quote

import msgspec

from waystation.client.pausing import pause
from waystation.client.problems import raised_again
from waystation.client.wire import Problem
from waystation.errors import ExtraMissing, NotWaystation, ServerUnreachable, ServerUrlInvalid, WaystationError

try:
    import httpx
except ImportError as error:
    raise ExtraMissing("the client needs httpx: install waystation[client], which brings it") from error

if TYPE_CHECKING:
    from waystation.client.encoding import Json

T = TypeVar("T")

BASE = "/api/v1"

_TRY_AGAIN = frozenset({502, 503, 504})
"""The server, or what stands before it, says that it cannot now."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

_BROKEN = (httpx.TransportError, OSError)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server is asked; the arguments of ``Client`` are documented there."""

    url: str
    token: str | None = field(repr=False)
    channel: str
    timeout: float
    retry_for: float
    reconnect_for: float
    transport: httpx.AsyncBaseTransport | None


class Connection:
    """Asks one server. Belongs to the event loop it is first used on.

    Arguments:
        settings: which, and how.

    Raises:
        ServerUrlInvalid.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._url = _checked(settings.url)
        self._http: httpx.AsyncClient | None = None

    # ------------------------------------------------------------------ life

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            headers = {"Accept": "application/json, application/problem+json", "X-Waystation": "1"}
            if self.settings.token is not None:
                headers["Authorization"] = f"Bearer {self.settings.token}"
            if self.settings.channel:
                headers["X-Waystation-Channel"] = self.settings.channel
            # On this machine there is no proxy between, and no certificate to hold against those that are known, which
            # take long to read.
            elsewhere = not _is_loopback(self._url)
            self._http = httpx.AsyncClient(
                verify=elsewhere or self._url.startswith("https"),
                trust_env=elsewhere,
                base_url=self._url,
                headers=headers,
                timeout=httpx.Timeout(self.settings.timeout, pool=None),
                # One that only listens holds its connection; it must keep nobody else from asking.
                # And servers drop what is idle, many after 5 seconds: one is not to be used just then.
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=2.5),
                transport=self.settings.transport,
            )
        return self._http

    async def close(self) -> None:
        """Close what is open. Closing twice is fine."""
        if self._http is not None:
            await self._http.aclose()

    # ------------------------------------------------------------------ asking

    async def get(self, path: str, kind: type[T], params: Mapping[str, object] | None = None, *, wait: float = 0) -> T:
        """What is at ``path``. ``wait`` is how long the server may take on purpose."""
        return self._read(await self._asked("GET", path, params=params, wait=wait, is_safe=True), kind)

    async def post(
        self, path: str, kind: type[T], body: Json | None = None, *, key: str | None = None, wait: float = 0
    ) -> T:
        """Have something done. With a ``key`` it is done once, however often it is asked for, so it is asked again when
        the answer is lost; without one only if it was surely never sent."""
        return self._read(await self._asked("POST", path, body=body, key=key, wait=wait, is_safe=key is not None), kind)

    async def do(self, method: str, path: str, *, is_safe: bool = False) -> None:
        """Have something done that is answered with nothing."""
        await self._asked(method, path, is_safe=is_safe)

    async def _asked(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        body: Json | None = None,
        key: str | None = None,
        wait: float = 0,
        is_safe: bool,
    ) -> httpx.Response:
        request = self._request(method, path, params, body, key, wait)
        give_up = time.monotonic() + self.settings.retry_for
        tries = 0
        while True:
            asked_for: float | None = None
            try:
                response = await self._client().send(request)
            except _BROKEN as error:
                problem: WaystationError = self._unreachable(error, is_sure=is_safe or isinstance(error, _NEVER_SENT))
                may_try = is_safe or isinstance(error, _NEVER_SENT)
            else:
                if response.is_success:
                    return response
                problem = self.problem(response.status_code, response.headers, response.content)
                may_try = is_safe and response.status_code in _TRY_AGAIN
                asked_for = _seconds(response.headers.get("retry-after"))
            tries += 1
            pause_now = pause(tries) if asked_for is None else asked_for
            if not may_try or time.monotonic() + pause_now > give_up:
                raise problem
            await asyncio.sleep(pause_now)

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, object] | None,
        body: Json | None,
        key: str | None,
        wait: float,
    ) -> httpx.Request:
        headers = {} if key is None else {"Idempotency-Key": key}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode({name: value for name, value in body.items() if value is not None})
        return self._client().build_request(
            method,
            f"{BASE}{path}",
            params=_params(params or {}),
            content=content,
            headers=headers,
            timeout=httpx.Timeout(self.settings.timeout + wait, pool=None),
        )

    # ------------------------------------------------------------------ streams

    @asynccontextmanager
    async def stream(
        self, path: str, media: str, *, params: Mapping[str, object], headers: Mapping[str, str], quiet: float
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        """The bytes at ``path`` as they come.

        Arguments:
            path: where, below ``/api/v1``.
            media: of what kind they must be.
            params, headers: what to ask for.
            quiet: after so many seconds without a byte the connection is taken for broken.

        Raises:
            ServerUnreachable: also while it is read.
        """
        timeout = httpx.Timeout(self.settings.timeout, read=quiet, pool=None)
        request = self._client().build_request(
            "GET", f"{BASE}{path}", params=_params(params), headers={"Accept": media, **headers}, timeout=timeout
        )
        try:
            response = await self._client().send(request, stream=True)
        except _BROKEN as error:
            raise self._unreachable(error, is_sure=True) from error
        try:
            if not response.is_success or response.headers.get("content-type", "").partition(";")[0] != media:
                await response.aread()
                raise self.problem(response.status_code, response.headers, response.content)
            yield self._pieces(response)
        except _BROKEN as error:
            raise self._unreachable(error, is_sure=True) from error
        finally:
            await response.aclose()

    async def _pieces(self, response: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for piece in response.aiter_bytes():
                yield piece
        except _BROKEN as error:
            raise self._unreachable(error, is_sure=True) from error

    # ------------------------------------------------------------------ what came back

    def _read(self, response: httpx.Response, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(response.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotWaystation(
                f"{self._url} answered {response.status_code}, but not as this client knows a Waystation to "
                f"({error}): see that the address is right, and that the server is not of an older version",
                status=response.status_code,
            ) from None

    def told(self, problem: str) -> WaystationError:
        """The error that the server told of in a stream."""
        return self.problem(200, {}, problem.encode())

    def problem(self, status: int, headers: Mapping[str, str], content: bytes) -> WaystationError:
        """The error that the server answered with."""
        try:
            problem = msgspec.json.decode(content, type=Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            if status in _TRY_AGAIN:
                return ServerUnreachable(
                    f"{self._url} answered {status}: what stands before the server does not reach it", status=status
                )
            kind = headers.get("content-type", "no type")
            return NotWaystation(
                f"{self._url} answered {status} with {kind}, which is not what a Waystation says: see that the address "
                "is right",
                status=status,
            )
        return raised_again(problem, status)

    def _unreachable(self, error: Exception, *, is_sure: bool) -> ServerUnreachable:
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, _NEVER_SENT):
            return ServerUnreachable(f"there is no server at {self._url} that can be reached ({why}); is it started?")
        unsure = "" if is_sure else "; whether it did what it was asked for is not known: look before you ask again"
        return ServerUnreachable(f"{self._url} did not answer ({why}){unsure}")


def _checked(url: str) -> str:
    try:
        found = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        raise ServerUrlInvalid(
            "the server's address cannot be read; write it as http://127.0.0.1:8484"
        ) from None  # not shown: there may be a secret in it
    if found.userinfo:
        raise ServerUrlInvalid("the server's address holds a password; addresses get into logs: give token= instead")
    if found.scheme not in {"http", "https"} or not found.host:
        raise ServerUrlInvalid(f"{url!r} is not the address of a server; write it as http://127.0.0.1:8484")
    if found.query or found.fragment:
        raise ServerUrlInvalid("the server's address holds a query; write it as http://127.0.0.1:8484")
    return str(found).rstrip("/").removesuffix(BASE)


def _is_loopback(url: str) -> bool:
    host = httpx.URL(url).host
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _params(params: Mapping[str, object]) -> httpx.QueryParams:
    given: list[tuple[str, str]] = []
    for name, value in params.items():
        if isinstance(value, (list, tuple)):
            given.extend((name, str(each)) for each in cast("Sequence[object]", value))
        elif value is not None:
            given.append((name, str(value)))
    return httpx.QueryParams(tuple(given))


def _seconds(header: str | None) -> float | None:
    return float(header) if header is not None and header.isdigit() else None


def part(name: str) -> str:
    """A name as a part of a path: an id may hold anything that can be printed."""
    return quote(name, safe="")
