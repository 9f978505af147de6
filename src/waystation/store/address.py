"""From a store's address to the store."""

from __future__ import annotations

from urllib.parse import unquote

from waystation.errors import ExtraMissing, StoreUrlInvalid
from waystation.store.memory import MemoryStore
from waystation.store.protocol import Store
from waystation.store.sqlite import SYNCHRONOUS, SQLiteStore
from waystation.store.sqlite_writer import Synchronous

_KNOWN = (
    "known are sqlite:///file.db (relative), sqlite:////folder/file.db (absolute), "
    "sqlite:///file.db?synchronous=full|normal|on-suspend, sqlite:///file.db?shared=true, "
    "postgresql://user:password@host:port/database, and memory://"
)


def open_store(url: str) -> Store:
    """The store that ``url`` names. Nothing is touched yet: ``Store.open`` connects.

    Arguments:
        url: ``sqlite:///file.db`` (relative to the working directory), ``sqlite:////folder/file.db`` (absolute), or
            ``memory://`` (gone when the process ends). In a path, ``%`` and ``?`` are written ``%25`` and ``%3F``.
            ``?synchronous=`` says what a power cut may take from a SQLite store:
            ``full`` (the default) nothing; ``normal`` the last moments; ``on-suspend`` steps, but never a run's
            creation, start, answer, pause or end. A killed process takes nothing in any of them.
            ``?shared=true`` lets the store live in a file that an application has begun, beside its tables.
            Several options are joined by ``&``.
            Or ``postgresql://user:password@host:port/database`` (needs ``waystation[postgres]``), with the options of
            ``waystation.store.postgres.PostgresSettings`` and those of the driver: ``?sslmode=verify-full``, say.

    Raises:
        StoreUrlInvalid.
        ExtraMissing: the PostgreSQL driver is not installed.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme in {"postgresql", "postgres"}:
        return _postgres(url)
    path, _, query = rest.partition("?")
    if not separator:
        raise StoreUrlInvalid(f"{url!r} is not the address of a store; {_KNOWN}")
    if scheme == "memory":
        if rest:
            raise StoreUrlInvalid(f"{url!r}: memory:// takes no path and no options")
        return MemoryStore()
    if scheme != "sqlite":
        raise StoreUrlInvalid(f"{url!r}: there is no store {scheme!r}; {_KNOWN}")
    return _sqlite(url, path, query)


def _sqlite(url: str, path: str, query: str) -> SQLiteStore:
    if not path.startswith("/"):
        raise StoreUrlInvalid(f"{url!r}: the path begins after three slashes; {_KNOWN}")
    file = unquote(path[1:])
    if not file or file.endswith("/") or "\0" in file:
        raise StoreUrlInvalid(f"{url!r} names no file; {_KNOWN}")
    if file == ":memory:":
        raise StoreUrlInvalid(f"{url!r}: a store in memory is memory://")
    synchronous: Synchronous = "full"
    shared = False
    for option in query.split("&") if query else ():
        name, _, value = option.partition("=")
        if name == "synchronous" and value in SYNCHRONOUS:
            synchronous = value
        elif name == "shared" and value in {"true", "false"}:
            shared = value == "true"
        elif name == "synchronous":
            raise StoreUrlInvalid(f"{url!r}: synchronous is one of {', '.join(SYNCHRONOUS)}; not {value!r}")
        elif name == "shared":
            raise StoreUrlInvalid(f"{url!r}: shared is true or false; not {value!r}")
        else:
            raise StoreUrlInvalid(f"{url!r}: there is no option {name!r}; a SQLite store has synchronous and shared")
    return SQLiteStore(file, synchronous=synchronous, shared=shared)


def _postgres(url: str) -> Store:
    try:
        # Only here: the bare install has no driver, and who uses SQLite need not wait for its import.
        from waystation.store.postgres import PostgresStore
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ExtraMissing(
            "a PostgreSQL store needs the driver asyncpg: install waystation[postgres], which brings it"
        ) from error
    return PostgresStore(url)
