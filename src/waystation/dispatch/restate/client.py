"""What is asked of a Restate: calls at its ingress, and registrations at its admin port. Failures are typed."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from waystation.core.refs import Millis
from waystation.dispatch.restate.address import RestateAddress
from waystation.dispatch.restate.calls import RunCall
from waystation.errors import (
    DispatchError,
    DispatchTooOld,
    DispatchUnreachable,
    ExtraMissing,
    NoWorker,
    RegistrationRefused,
)

try:
    import aiohttp
except ImportError as error:
    raise ExtraMissing("the fleet needs aiohttp: install waystation[restate], which brings it") from error

T = TypeVar("T")

_NOT_FOUND = 404

OLDEST = (1, 7)
"""The oldest Restate that this was made for: since then it spreads calls over several connections to one address."""

_KNOWN_FOR = 1.0
"""For how long, in seconds, what the ingress said of itself is believed."""

_AT_ONCE = 32
"""So many requests are under way at once, besides calls of steps, which wait for their answers."""

_TIMEOUT = 10.0
_REGISTERS_WITHIN = 60.0
"""How long an answer may take, in seconds. To register a worker Restate asks the worker first, several times if need
be."""


class _Answer(NamedTuple):
    """What was answered."""

    status: int
    content: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004  (HTTP's own)


class _Health(msgspec.Struct):
    services: list[str] | None = None


class _Version(msgspec.Struct):
    version: str = ""


class _Deployment(msgspec.Struct):
    id: str
    uri: str = ""


class _Deployments(msgspec.Struct):
    deployments: list[_Deployment] = []


class _Refusal(msgspec.Struct):
    message: str = ""


class RestateClient:
    """Asks one Restate. Belongs to the event loop it is first used on."""

    def __init__(self, address: RestateAddress) -> None:
        self.address = address
        self._sessions: dict[int, aiohttp.ClientSession] = {}
        self._asking: asyncio.Task[None] | None = None
        self._services: frozenset[str] = frozenset()
        self._known_until = 0.0

    async def close(self) -> None:
        """Close what is open."""
        for session in self._sessions.values():
            await session.close()

    def _session(self, most: int) -> aiohttp.ClientSession:
        """Connections of which at most so many are in use at once, 0 for any number."""
        if most not in self._sessions:
            connector = aiohttp.TCPConnector(limit=most, keepalive_timeout=15.0)
            self._sessions[most] = aiohttp.ClientSession(connector=connector)
        return self._sessions[most]

    # ------------------------------------------------------------------ ingress

    async def ready(self, workflow_id: str | None = None) -> None:
        """See to it that runs can be placed: those of this workflow, if one is named. Asked before anything is
        written, so that of what cannot be placed nothing is.

        Raises:
            DispatchUnreachable, DispatchTooOld.
            NoWorker: the workflow was never registered.
        """
        name = None if workflow_id is None else self.address.run_object(workflow_id)
        if time.monotonic() > self._known_until or (name is not None and name not in self._services):
            # Of many who want to know at once one asks.
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask_for_services(), name="waystation ready")
                self._asking.add_done_callback(lambda asked: asked.cancelled() or asked.exception())  # read by nobody
            await asyncio.shield(self._asking)
        if name is not None and name not in self._services:
            raise NoWorker(
                f"no worker of pool {self.address.pool!r} has registered workflow {workflow_id!r} with the Restate at "
                f"{self.address.ingress}; start one: waystation worker --app module:app --dispatch restate://..."
            )

    async def _ask_for_services(self) -> None:
        answer = await self._asked("GET", f"{self.address.ingress}/restate/health")
        if not answer.is_success or _is_no_json(answer):
            raise DispatchUnreachable(
                f"what answers at {self.address.ingress} does not do so as a Restate (HTTP {answer.status}): is "
                "that its ingress (port 8080, if nothing else was said)? The runs stay as they are in the store"
            )
        services = _read(answer, _Health).services
        if services is None:
            raise DispatchTooOld(
                f"the Restate at {self.address.ingress} does not tell its services; it must be "
                f"{OLDEST[0]}.{OLDEST[1]} or newer"
            )
        self._services = frozenset(services)
        self._known_until = time.monotonic() + _KNOWN_FOR

    async def call_run(self, call: RunCall, *, delay: Millis | None = None, again: bool = False) -> None:
        """Have the run's object called; when this returns, Restate has it durably.

        Arguments:
            delay: after how many milliseconds; None for a call that does not wait for a time.
            again: whether it is made though such a call was made before.

        Raises:
            DispatchError.
        """
        name = self.address.run_object(call.workflow_id)
        answer = await self._asked(
            "POST",
            f"{self.address.ingress}/{name}/{quote(call.run_id, safe='')}/drive/send",
            params={"delay": f"{delay}ms"} if delay else None,
            content=call.body(),
            headers=_headers(None if again else call.key(delay)),
        )
        self._forget_if_failed(answer, call.workflow_id)

    async def call_step(self, workflow_id: str, body: bytes, *, key: str) -> bytes:
        """Have a step run by some worker, and wait for what comes of it, however long that takes; of several calls of
        one key only the first is made, and all are answered alike.

        Raises:
            DispatchError: whether it was run is not known; call again with the same key.
        """
        answer = await self._asked(
            "POST",
            f"{self.address.ingress}/{self.address.step_service(workflow_id)}/run",
            content=body,
            headers=_headers(key, "application/octet-stream"),
            patient=True,
        )
        self._forget_if_failed(answer, workflow_id)
        return answer.content

    def _forget_if_failed(self, answer: _Answer, workflow_id: str) -> None:
        if answer.is_success:
            return
        self._known_until = 0.0
        if answer.status == _NOT_FOUND:
            raise NoWorker(f"the Restate at {self.address.ingress} knows no worker for workflow {workflow_id!r}")
        raise DispatchError(
            f"the Restate at {self.address.ingress} refused a call with HTTP {answer.status}: {_said(answer)}"
        )

    # ------------------------------------------------------------------ admin

    async def version(self) -> str:
        """The version of the Restate.

        Raises:
            DispatchUnreachable.
            DispatchTooOld: older than ``OLDEST``.
        """
        answer = await self._asked("GET", f"{self.address.admin}/version")
        said = _read(answer, _Version).version if answer.is_success else ""
        found = re.match(r"(\d+)\.(\d+)", said)
        if found is None:
            raise DispatchUnreachable(
                f"what answers at {self.address.admin} does not tell a version of Restate (HTTP {answer.status}): "
                "is that its admin address (port 9070, if nothing else was said)?"
            )
        if (int(found[1]), int(found[2])) < OLDEST:
            raise DispatchTooOld(
                f"the Restate at {self.address.admin} is version {said}; it must be {OLDEST[0]}.{OLDEST[1]} or newer"
            )
        return said

    async def register(self, uri: str) -> str:
        """Register the worker that is reached at ``uri``; Restate asks it what it serves. Gives the deployment's id.

        One that was registered at this address before is replaced: no call that is under way depends on what it was.

        Raises:
            DispatchUnreachable.
            RegistrationRefused: Restate cannot reach the worker, or does not take what it serves.
        """
        answer = await self._asked(
            "POST",
            f"{self.address.admin}/deployments",
            content=msgspec.json.encode({"uri": uri, "force": True, "breaking": True}),
            headers=_headers(None),
            timeout=_REGISTERS_WITHIN,
        )
        if not answer.is_success:
            raise RegistrationRefused(
                f"the Restate at {self.address.admin} did not take the worker at {uri} (HTTP {answer.status}): "
                f"{_said(answer)}. Restate itself must reach that address: name another with --advertise"
            )
        return _read(answer, _Deployment).id

    async def deregister(self, deployment_id: str) -> None:
        """Forget a worker. No run depends on it: one that is parked is in no worker's hands.

        Raises:
            DispatchError.
        """
        answer = await self._asked("DELETE", f"{self.address.admin}/deployments/{deployment_id}?force=true")
        if not answer.is_success and answer.status != _NOT_FOUND:
            raise DispatchError(f"deployment {deployment_id} could not be removed: {_said(answer)}")

    async def deployments(self) -> Mapping[str, str]:
        """The registered deployments: their addresses, by id. Raises ``DispatchError``."""
        answer = await self._asked("GET", f"{self.address.admin}/deployments")
        if not answer.is_success:
            raise DispatchError(f"the deployments could not be listed: {_said(answer)}")
        return {each.id: each.uri for each in _read(answer, _Deployments).deployments}

    # ------------------------------------------------------------------ asking

    async def _asked(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = _TIMEOUT,
        patient: bool = False,
    ) -> _Answer:
        """Ask, and give what was answered; ``patient`` if that may take however long."""
        session = self._session(0 if patient else _AT_ONCE)
        waits = aiohttp.ClientTimeout(None if patient else timeout, sock_connect=_TIMEOUT)
        try:
            asking = session.request(method, url, params=params, data=content, headers=headers, timeout=waits)
            async with asking as answer:
                return _Answer(answer.status, await answer.read())
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
            self._known_until = 0.0
            plain = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
            what = str(plain) or re.sub(r"\B([A-Z])", r" \1", type(error).__name__).lower()
            where = url.removesuffix("/restate/health")
            raise DispatchUnreachable(
                f"the Restate at {where} does not answer ({what}). Is it running, and is that its address? "
                "The runs stay as they are in the store"
            ) from error


def _headers(key: str | None, kind: str = "application/json") -> dict[str, str]:
    headers = {"content-type": kind}
    if key is not None:
        headers["idempotency-key"] = quote(key, safe="/:#[]")  # a run's id may be of any letters
    return headers


def _read(answer: _Answer, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.DecodeError:
        return kind()


def _is_no_json(answer: _Answer) -> bool:
    try:
        msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        return True
    return False


def _said(answer: _Answer) -> str:
    """What a refusal says, in one short line."""
    message = _read(answer, _Refusal).message or answer.content.decode(errors="replace")
    return " ".join(message.split())[:500] or "it said nothing"
