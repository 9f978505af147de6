"""Who asks, and what they may.

An *authenticator* turns a request into a *principal*: a name, which is recorded with what they do, and scopes. Without
an authenticator everyone who reaches the server is ``local`` and may do everything; so such a server is for
one's own machine, and is reached only by what runs there (see ``gate``).

A browser keeps its token as a cookie that no script can read. To an authenticator it looks the same as one that is sent
as ``Authorization: Bearer``, so whatever takes bearer tokens takes sessions too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from starlette.requests import Request

from waystation.errors import Forbidden, Unauthenticated

Scope: TypeAlias = Literal["read", "run", "answer", "admin"]
"""What one may: look; start runs and change how they go on; answer people's questions; delete, and all else."""

SCOPES: tuple[Scope, ...] = ("read", "run", "answer", "admin")
"""All scopes."""

_HAVE: dict[Scope, frozenset[Scope]] = {
    "read": frozenset({"read"}),
    "run": frozenset({"read", "run"}),
    "answer": frozenset({"read", "answer"}),
    "admin": frozenset(SCOPES),
}

COOKIE = "waystation_session"

_SCHEME = "bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Someone who asks.

    Attributes:
        actor: their name; recorded with what they do.
        scopes: what they may. ``run`` and ``answer`` may read too; ``admin`` may everything.
        auth: by what they are known: ``"token"``, ``"oidc"``, or a word of one's own.
    """

    actor: str
    scopes: frozenset[Scope]
    auth: str = "token"

    def may(self, scope: Scope) -> bool:
        """Whether they may do what needs ``scope``."""
        return any(scope in _HAVE[own] for own in self.scopes)

    def all_scopes(self) -> list[Scope]:
        """Everything they may, those scopes too that another brings."""
        return [scope for scope in SCOPES if self.may(scope)]


LOCAL = Principal(actor="local", scopes=frozenset(SCOPES), auth="none")


class Authenticator(Protocol):
    """Knows who asks."""

    async def authenticate(self, request: Request) -> Principal | None:
        """Who sent the request; None if nobody known did. What it raises becomes a fault of the server (500).

        A cookie session has been turned into an ``Authorization: Bearer`` header by then. While a stream is open, the
        request that it was opened with is asked about again, each few seconds.
        """
        ...


def bearer_of(request: Request) -> str | None:
    """The token that the request carries as ``Authorization: Bearer``; None if it carries none, or more than one: a
    proxy may have looked at the other."""
    given = request.headers.getlist("authorization")
    if len(given) != 1 or not given[0].lower().startswith(_SCHEME):
        return None
    return given[0][len(_SCHEME) :].strip()


def with_bearer(request: Request, token: str) -> Request:
    """The same request, as if it had carried ``token`` as a header."""
    others = [(name, value) for name, value in request.scope["headers"] if name not in (b"authorization", b"cookie")]
    header = (b"authorization", b"Bearer " + token.encode("latin-1", "replace"))
    return Request({**request.scope, "headers": [*others, header]})


async def principal_of(request: Request, authenticator: Authenticator | None) -> Principal:
    """Who sent the request.

    Raises:
        Unauthenticated: nobody known.
    """
    if authenticator is None:
        return LOCAL
    cookie = request.cookies.get(COOKIE)
    if "authorization" not in request.headers and cookie:
        found = await authenticator.authenticate(with_bearer(request, cookie))
        if found is not None:
            return Principal(actor=found.actor, scopes=found.scopes, auth="session")
    else:
        found = await authenticator.authenticate(request)
        if found is not None:
            return found
    raise Unauthenticated


def allow(principal: Principal, scope: Scope) -> None:
    """Let a principal do what needs ``scope``.

    Raises:
        Forbidden.
    """
    if not principal.may(scope):
        own = ", ".join(sorted(principal.scopes)) or "none"
        raise Forbidden(f"this needs the scope {scope!r}; {principal.actor!r} has: {own}")
