"""Where a Restate is, and by which names it knows what is placed by it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from waystation.errors import DispatchUrlInvalid

_EXAMPLE = "restate://127.0.0.1:8080?admin=http://127.0.0.1:9070"

_POOL = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")

_INGRESS_PORT = 8080
_ADMIN_PORT = 9070
"""Where Restate listens if nothing else is said."""


@dataclass(frozen=True, slots=True)
class RestateAddress:
    """Where a Restate is.

    Attributes:
        ingress: the URL at which it takes calls.
        admin: the URL at which workers are registered.
        pool: whose runs these are: apps and workers of one pool share them, and others on the same Restate do not see
            them.
    """

    ingress: str
    admin: str
    pool: str

    def run_object(self, workflow_id: str) -> str:
        """The virtual object that has the runs of a workflow, each under its run's id."""
        return f"{self.pool}.run.{workflow_id}"

    def step_service(self, workflow_id: str) -> str:
        """The service that runs steps of a workflow's runs."""
        return f"{self.pool}.step.{workflow_id}"

    @classmethod
    def parse(cls, url: str) -> RestateAddress:
        """The address that ``url`` tells.

        Arguments:
            url: ``restate://HOST[:PORT]``, or ``restates://`` where TLS is spoken, and then, all optional,
                ``?admin=URL`` (by default port 9070 of the same host) and ``&pool=NAME`` (by default ``waystation``).

        Raises:
            DispatchUrlInvalid.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("restate", "restates"):
            raise DispatchUrlInvalid(f"dispatch {url!r} is not known; give {_EXAMPLE!r}, or nothing to drive runs here")
        try:
            host, port = parts.hostname, parts.port or _INGRESS_PORT
        except ValueError as error:
            raise DispatchUrlInvalid(f"dispatch {url!r}: {error}; give {_EXAMPLE!r}") from None
        if not host or parts.path not in ("", "/") or parts.username is not None:
            raise DispatchUrlInvalid(f"dispatch {url!r} must name a host and, after it, a port alone, as {_EXAMPLE!r}")
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        if unknown := sorted(given.keys() - {"admin", "pool"}):
            raise DispatchUrlInvalid(f"dispatch {url!r} says {unknown[0]!r}; only admin and pool are known")
        scheme = "https" if parts.scheme == "restates" else "http"
        name = f"[{host}]" if ":" in host else host
        pool = given.get("pool", "waystation")
        if not _POOL.fullmatch(pool):
            raise DispatchUrlInvalid(f"the pool {pool!r} must begin with a letter, and have letters, digits, _ and -")
        admin = given.get("admin", f"{scheme}://{name}:{_ADMIN_PORT}").rstrip("/")
        if urlsplit(admin).scheme not in ("http", "https") or not urlsplit(admin).hostname:
            raise DispatchUrlInvalid(f"the admin address {admin!r} must be a URL, such as 'http://127.0.0.1:9070'")
        return cls(f"{scheme}://{name}:{port}", admin, pool)
