"""Where blobs are: a folder of this machine, or anything that fsspec reaches.

A folder does not know what is in it. Names have two parts, ``3f/...``, so that no folder gets too long to be listed.
Each is written once, as a whole, and never again. All of it blocks, so it is called from threads.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol, cast

from waystation.errors import CodecInvalid, ExtraMissing

_CLOCK = "clock"


class BlobFolder(Protocol):
    """A folder of blobs."""

    def put(self, name: str, data: bytes) -> None:
        """Write a blob; when this returns, it is there after a power cut too."""
        ...

    def get(self, name: str) -> bytes:
        """Read a blob; raises ``FileNotFoundError`` if it is not there."""
        ...

    def delete(self, names: Sequence[str]) -> None:
        """Delete blobs; those that are not there are passed over."""
        ...

    def names(self) -> Iterator[str]:
        """All that is in it, also what is no blob."""
        ...

    def now(self) -> float:
        """The time by the clock that ``written_at`` goes by, in seconds."""
        ...

    def written_at(self, name: str) -> float | None:
        """When it was written; None if it is not there."""
        ...

    def inside(self, name: str) -> BlobFolder:
        """The folder of that name in it."""
        ...


class LocalFolder:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._settled: set[Path] = set()
        """Folders that are known to be there after a power cut."""

    def put(self, name: str, data: bytes) -> None:
        """Write it under another name, sync it, give it its name, and sync the folder that tells the name."""
        file = self._root / name
        self._settle(file.parent)
        part = file.with_name(f"{file.name}.part")
        try:
            with part.open("xb") as writing:
                writing.write(data)
                writing.flush()
                os.fsync(writing.fileno())
            part.replace(file)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
        _sync(file.parent)

    def _settle(self, folder: Path) -> None:
        """Make a folder, and all it is in, durably."""
        if folder in self._settled:
            return
        if folder.parent != folder:
            self._settle(folder.parent)
        missing = not folder.is_dir()
        if missing:
            folder.mkdir(exist_ok=True)
        if missing or folder == self._root or self._root in folder.parents:
            # Ours also if it was there: another process may have made it a moment ago, and not have synced it yet.
            _sync(folder.parent)
        self._settled.add(folder)

    def get(self, name: str) -> bytes:
        """Its bytes."""
        return (self._root / name).read_bytes()

    def delete(self, names: Sequence[str]) -> None:
        """Delete them."""
        for name in names:
            (self._root / name).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """All files in its folders."""
        if self._root.is_dir():
            for folder in self._root.iterdir():
                if folder.is_dir():
                    yield from (f"{folder.name}/{file.name}" for file in folder.iterdir())

    def now(self) -> float:
        """Where the folder is of another machine, its clock is that of who keeps it: so a file tells the time."""
        self._settle(self._root)
        clock = self._root / f"{_CLOCK}-{os.urandom(8).hex()}"
        clock.touch()
        try:
            return clock.stat().st_mtime
        finally:
            clock.unlink()

    def written_at(self, name: str) -> float | None:
        """When its file was written."""
        with suppress(FileNotFoundError):
            return (self._root / name).stat().st_mtime
        return None

    def inside(self, name: str) -> LocalFolder:
        """The folder of that name in it."""
        return LocalFolder(self._root / name)


def _sync(folder: Path) -> None:
    if os.name == "nt":  # where a folder cannot be opened, and its entries are written through
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


class FileSystem(Protocol):
    """What is used of an fsspec file system."""

    def pipe_file(self, path: str, value: bytes) -> object: ...  # noqa: D102  (fsspec's own)
    def cat_file(self, path: str) -> bytes: ...  # noqa: D102  (fsspec's own)
    def rm_file(self, path: str) -> object: ...  # noqa: D102  (fsspec's own)
    def exists(self, path: str) -> bool: ...  # noqa: D102  (fsspec's own)
    def find(self, path: str) -> list[str]: ...  # noqa: D102  (fsspec's own)
    def modified(self, path: str) -> datetime: ...  # noqa: D102  (fsspec's own)
    def invalidate_cache(self) -> object: ...  # noqa: D102  (fsspec's own)
    def makedirs(self, path: str, exist_ok: bool) -> object: ...  # noqa: D102, FBT001  (fsspec's own)


class RemoteFolder:
    """A folder that fsspec reaches. A blob is one object, put as a whole; that it is then there for good is the promise
    of whoever keeps it.
    """

    def __init__(self, files: FileSystem, root: str) -> None:
        self._files = files
        self._root = root.rstrip("/")

    def put(self, name: str, data: bytes) -> None:
        """Put one object."""
        path = self._path(name)
        try:
            self._files.pipe_file(path, data)
        except FileNotFoundError:
            # Only then: where there are nothing but objects no folder is missing, and looking for it takes its time.
            if not self._files.exists(self._first()):
                raise  # a bucket is not made because its name was written wrongly
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(path, data)

    def get(self, name: str) -> bytes:
        """Its bytes."""
        return self._files.cat_file(self._path(name))

    def delete(self, names: Sequence[str]) -> None:
        """Delete them one by one."""
        for name in names:
            with suppress(FileNotFoundError):
                self._files.rm_file(self._path(name))

    def names(self) -> Iterator[str]:
        """All objects in it."""
        self._files.invalidate_cache()
        begin = self._path("").lstrip("/")
        with suppress(FileNotFoundError):
            for path in self._files.find(self._root):
                yield path.lstrip("/").removeprefix(begin)

    def now(self) -> float:
        """The time that a new object is given."""
        clock = f"{_CLOCK}-{os.urandom(8).hex()}"
        self.put(clock, b"")
        try:
            written = self.written_at(clock)
        finally:
            self.delete([clock])
        if written is None:
            raise FileNotFoundError(clock)
        return written

    def written_at(self, name: str) -> float | None:
        """When its object was put."""
        with suppress(FileNotFoundError):
            return self._files.modified(self._path(name)).timestamp()
        return None

    def inside(self, name: str) -> RemoteFolder:
        """The folder of that name in it."""
        return RemoteFolder(self._files, self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _first(self) -> str:
        """The bucket, the share, or the folder that all is in."""
        root = self._root.lstrip("/")
        return self._root[: len(self._root) - len(root)] + root.partition("/")[0]


class _Core(Protocol):
    def url_to_fs(self, url: str, **options: object) -> tuple[FileSystem, str]: ...


def remote_folder(url: str, shown: str, options: Mapping[str, object]) -> RemoteFolder:
    """The folder of an address that is none of this machine.

    Raises:
        ExtraMissing: fsspec, or the package it needs for this kind of address, is not installed.
        CodecInvalid: there is no such kind of address.
    """
    try:
        # Only here: an app that has its blobs in a folder of its machine, or none, need not have it.
        core = cast("_Core", importlib.import_module("fsspec.core"))
    except ModuleNotFoundError as error:
        raise ExtraMissing(f"blobs at {shown} need fsspec: install waystation[payloads], which brings it") from error
    try:
        return RemoteFolder(*core.url_to_fs(url, **options))
    except ImportError:
        raise ExtraMissing(
            f"blobs at {shown} need the package of fsspec for addresses of that kind: s3fs for s3://, gcsfs for "
            "gs://, adlfs for abfs://; install it beside waystation[payloads]"
        ) from None
    except ValueError:
        raise CodecInvalid(f"Blobs({shown!r}): fsspec knows no addresses of that kind") from None
