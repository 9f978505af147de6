"""How a PostgreSQL store reaches its server, and for how long it tries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from waystation.errors import StoreUrlInvalid

_SECONDS = ("patience", "statement_timeout", "connect_timeout", "poll", "busy_poll")

_OPTIONS = "schema, connections, patience, statement_timeout, connect_timeout, poll and busy_poll"

_FEWEST = 6

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSettings:
    """How a PostgreSQL store reaches its server. Each can be given in the address: ``postgresql://...?connections=8``.

    Arguments:
        dsn: the address, with what the driver itself understands (``sslmode=``, ``host=`` and so on).
        schema: the PostgreSQL schema its tables are in, made if it is not there; None for the first of the
            search path. Letters, digits and underscores.
        connections: so many connections at most, 6 or more: three write, one listens, the others read and hold
            steps' transactions.
        patience: for how long, in seconds, a call goes on trying while the server cannot be reached.
        statement_timeout: the longest a statement may take, in seconds; 0 for no limit.
        connect_timeout: the longest that connecting may take, in seconds.
        poll: how often, in seconds, it is looked for what others wrote though nobody told.
        busy_poll: for how long at most, in seconds, the event loop looks for the one answer that is due, again and
            again, before it sleeps until that comes; 0 for not at all. A run by itself is a fifth quicker for it, and
            takes all of a processor where it took half of one. It is done while answers usually take no longer and
            nobody else wants the processor, and where this process may use two or more.
    """

    dsn: str
    schema: str | None = None
    connections: int = 10
    patience: float = 30.0
    statement_timeout: float = 30.0
    connect_timeout: float = 10.0
    poll: float = 1.0
    busy_poll: float = 0.001

    def __post_init__(self) -> None:
        if self.connections < _FEWEST:
            raise StoreUrlInvalid(f"connections={self.connections}: a PostgreSQL store needs {_FEWEST} at least")
        if self.schema is not None and not _IDENTIFIER.fullmatch(self.schema):
            raise StoreUrlInvalid(f"schema={self.schema!r}: give a name of small letters, digits and underscores")
        for name in _SECONDS:
            if not getattr(self, name) >= 0:
                raise StoreUrlInvalid(f"{name}={getattr(self, name)}: give a number of seconds, 0 or more")

    @classmethod
    def of_url(cls, url: str) -> PostgresSettings:
        """The settings that an address gives.

        Raises:
            StoreUrlInvalid: the message never holds the password.
        """
        try:
            parts = urlsplit(url)
            _ = parts.port  # read as a number only now
        except ValueError:
            # Not chained: the driver of urls quotes what it was given, password and all.
            raise StoreUrlInvalid(
                "the address of a PostgreSQL store is postgresql://user:password@host:port/database"
            ) from None
        known: dict[str, str] = {}
        rest: list[tuple[str, str]] = []
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            if name in {"schema", "connections", *_SECONDS}:
                known[name] = value
            else:
                rest.append((name, value))
        dsn = urlunsplit(parts._replace(query=urlencode(rest, quote_via=quote)))
        try:
            numbers = {name: float(known[name]) for name in _SECONDS if name in known}
            connections = int(known.get("connections", "10"))
        except ValueError as error:
            raise StoreUrlInvalid(
                f"an option of the store's address is no number ({error}); it has {_OPTIONS}"
            ) from None
        return cls(dsn=dsn, schema=known.get("schema"), connections=connections, **numbers)

    def shown(self) -> str:
        """The address as it may be shown: without user, password and options."""
        parts = urlsplit(self.dsn)
        where = parts.hostname or ""
        if parts.port is not None:
            where += f":{parts.port}"
        return f"{parts.scheme}://{where}{parts.path}"
