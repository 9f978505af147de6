"""A store with blobs whose folder is watched, for tests of what is written and deleted when."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from waystation import Blobs, Codec, CodecStore, Store
from waystation.store.codec.folders import BlobFolder

LONG = b'"' + b"long " * 100 + b'"'
"""An entry that goes into a blob."""

SHORT = b'"short"'
"""One that does not."""


class Watched:
    """A folder that notes what it is asked for, and by which thread; and fails where it is told to.

    Attributes:
        asked: what was asked for, in order.
        threads: by whom.
        before: called before each of these, and may raise.
    """

    def __init__(self, folder: BlobFolder) -> None:
        self._folder = folder
        self.asked: list[str] = []
        self.threads: set[int] = set()
        self.before: dict[str, Callable[[], None]] = {}

    def _note(self, what: str) -> None:
        self.asked.append(what)
        self.threads.add(threading.get_ident())
        if what in self.before:
            self.before[what]()

    def put(self, name: str, data: bytes) -> None:
        self._note("put")
        self._folder.put(name, data)

    def get(self, name: str) -> bytes:
        self._note("get")
        return self._folder.get(name)

    def delete(self, names: Sequence[str]) -> None:
        self._note("delete")
        self._folder.delete(names)

    def names(self) -> Iterator[str]:
        self._note("names")
        return self._folder.names()

    def now(self) -> float:
        self._note("now")
        return self._folder.now()

    def written_at(self, name: str) -> float | None:
        self._note("written_at")
        return self._folder.written_at(name)

    def inside(self, name: str) -> Watched:
        self._folder = self._folder.inside(name)
        return self


class Watching:
    """A store with blobs, and the watch on their folder."""

    def __init__(self, inner: Store, folder: Path) -> None:
        blobs = Blobs(folder, over=100)
        self.folder = Watched(blobs.folder)
        blobs.folder = self.folder
        self.store = CodecStore(inner, Codec(blobs=blobs))
        self.inner = inner
        self._path = folder

    def files(self) -> list[Path]:
        """The blobs there are."""
        return sorted(self._path.rglob("*-*"))

    def age(self, hours: float) -> None:
        """Have all blobs be that much older."""
        age(self._path, hours)


def age(folder: Path, hours: float) -> None:
    """Have all blobs of a folder be that much older."""
    for file in folder.rglob("*-*"):
        then = file.stat().st_mtime - hours * 3600
        os.utime(file, (then, then))


@asynccontextmanager
async def watching(inner: Store, folder: Path) -> AsyncGenerator[Watching]:
    """A store with blobs in a watched folder, open."""
    watched = Watching(inner, folder)
    await watched.store.open()
    yield watched
    await watched.store.close()
