"""Disks that can be filled, made read-only, and broken.

A file system of our own needs the right to mount one. Where that cannot be had the tests that are of it alone are
skipped, and say so; what can be shown under a quota (the limit on a file's length) is shown there too, everywhere.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import struct
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

_BLOCK = 4096

# ``EXT4_IOC_SHUTDOWN``, of which other file systems know the same: made for tests like these.
_SHUT_DOWN = 0x8004587D
_WITHOUT_FLUSH = 2


class Disk(Protocol):
    """A place for stores, which takes nothing any more from some moment on."""

    @property
    def folder(self) -> Path: ...

    def strike(self, file: Path) -> None:
        """From now on the store in ``file`` cannot be written to."""

    def mend(self) -> None:
        """From now on it can, as before."""


class SmallDisk:
    """A file system that holds so much and no more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def strike(self, file: Path) -> None:
        self.leave(0)

    def leave(self, blocks: int) -> None:
        """Fill it but for so many blocks of 4 KB."""
        filler = os.open(self._filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while True:
                os.write(filler, bytes(_BLOCK))
        except OSError as refused:
            if refused.errno != errno.ENOSPC:
                raise
        finally:
            os.close(filler)
        if blocks:
            os.truncate(self._filler, self._filler.stat().st_size - blocks * _BLOCK)

    def mend(self) -> None:
        self._filler.unlink(missing_ok=True)


class Quota:
    """This process may make no file longer than the store's log is: ``ulimit -f``. A write stops in its middle."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._usual = resource.getrlimit(resource.RLIMIT_FSIZE)

    def strike(self, file: Path) -> None:
        log = log_of(file)
        length = log.stat().st_size if log.exists() else 0
        # A page of the log takes 4,120 bytes: it begins to be written, and is not.
        resource.setrlimit(resource.RLIMIT_FSIZE, (length + 1000, self._usual[1]))

    def mend(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._usual)


class Immutable:
    """The store's files may not be written any more, whoever has them open: ``chattr +i``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._struck: list[Path] = []

    def strike(self, file: Path) -> None:
        self._struck = [each for each in (file, log_of(file)) if each.exists()]
        subprocess.run(["chattr", "+i", *map(str, self._struck)], check=True)

    def mend(self) -> None:
        if self._struck:
            subprocess.run(["chattr", "-i", *map(str, self._struck)], check=True)
            self._struck = []


def log_of(file: Path) -> Path:
    """The write-ahead log beside a store's file."""
    return file.with_name(f"{file.name}-wal")


@contextmanager
def small_disk(folder: Path, size: str = "1m") -> Generator[SmallDisk]:
    """A file system in memory, of that size; the test is skipped where none can be mounted."""
    folder.mkdir()
    run_or_skip("a full disk was not tried", "mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def quota(folder: Path) -> Generator[Quota]:
    """A folder in which no file may grow any longer."""
    folder.mkdir()
    limited = Quota(folder)
    try:
        yield limited
    finally:
        limited.mend()


@contextmanager
def immutable(folder: Path) -> Generator[Immutable]:
    """A folder on a disk whose files can be made immutable; the test is skipped where there is none."""
    with real_disk(folder, folder.with_name("image")):
        disk = Immutable(folder)
        try:
            probe = folder / "probe"
            probe.touch()
            run_or_skip("a file made read-only while it is open was not tried", "chattr", "+i", str(probe))
            run_or_skip("a file made read-only while it is open was not tried", "chattr", "-i", str(probe))
            yield disk
        finally:
            disk.mend()


class Disconnected:
    """A disk that can be cut off like one that loses its power: what was not synced is gone, and it answers no more."""

    def __init__(self, folder: Path, image: Path) -> None:
        self.folder = folder
        self._image = image

    def strike(self, file: Path) -> None:
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, _SHUT_DOWN, struct.pack("I", _WITHOUT_FLUSH))
        finally:
            os.close(handle)

    def mend(self) -> None:
        """Connect it again, as after a start of the machine. No process may have a file of it open."""
        subprocess.run(["umount", str(self.folder)], check=True)
        subprocess.run(["mount", "-o", "loop", str(self._image), str(self.folder)], check=True)


@contextmanager
def disconnected(folder: Path) -> Generator[Disconnected]:
    """A disk that can be cut off; the test is skipped where none can be mounted."""
    image = folder.with_name("image")
    with real_disk(folder, image):
        yield Disconnected(folder, image)


@contextmanager
def real_disk(folder: Path, image: Path) -> Generator[Path]:
    """A file system as disks have it (ext4 in a file of 16 MB); the test is skipped where none can be mounted."""
    folder.mkdir()
    image.write_bytes(b"")
    os.truncate(image, 16 * 1024 * 1024)
    run_or_skip("no file system of a disk was tried", "mkfs.ext4", "-q", "-F", str(image))
    run_or_skip("no file system of a disk was tried", "mount", "-o", "loop", str(image), str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def run_or_skip(left_out: str, *command: str) -> None:
    """Run what needs rights that this machine may not give; skip the test, and say what it leaves out, if not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        pytest.skip(f"NOT PROVED HERE: {left_out}, as there is no {command[0]!r}")
    if done.returncode:
        pytest.skip(f"NOT PROVED HERE: {left_out}, as {' '.join(command)!r} was refused: {done.stderr.strip()}")
