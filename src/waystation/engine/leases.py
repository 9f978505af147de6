"""The lease of this process: how others know that it lives, and how it knows that others died.

A process has one lease for all the runs it drives, kept by one small write every third of its length; so driving
ten thousand runs costs no more beats than driving one. When the lease runs out, its runs may be taken over by any
process. A process on the same machine need not wait for that: it can see that the other is gone.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import socket
import uuid
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from waystation.core.refs import Millis
from waystation.engine.clock import Clock
from waystation.errors import StoreError
from waystation.store.protocol import Store
from waystation.store.records import Worker

_log = logging.getLogger("waystation.lease")


def new_worker_id() -> str:
    """A name for this process that no other has had."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"


@functools.cache
def this_host() -> str:
    """Names the space in which a process id means something: this machine, this boot, this process namespace.

    Two containers on one machine have the same boot but see different processes; neither may judge the other's.
    """
    boot = namespace = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    with suppress(OSError):
        namespace = str(Path("/proc/self/ns/pid").stat().st_ino)
    return f"{socket.gethostname()}/{boot}/{namespace}"


def process_is_gone(pid: int) -> bool:
    """Whether no process of that id is running here. A reused id only means that the lease decides instead."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def is_gone(worker: Worker, now: Millis) -> bool:
    """Whether a process has died, as far as can be seen: its lease has run out, or it is gone from this machine."""
    return worker.expires_at <= now or (worker.host == this_host() and process_is_gone(worker.pid))


async def retire_the_dead(store: Store, clock: Clock, worker_id: str) -> int:
    """Hand over the runs of processes other than ``worker_id`` whose lease has run out, or that are gone from here;
    gives how many others live."""
    living = 0
    now = clock.now()
    for worker in await store.workers():
        if worker.worker_id == worker_id:
            continue
        if is_gone(worker, now):
            _log.info("worker %s is gone; its runs are handed over", worker.worker_id)
            await store.retire(worker)
        else:
            living += 1
    return living


class Lease:
    """This process's lease. Nothing is written until the process first drives a run.

    Attributes:
        worker_id: its name.
    """

    def __init__(self, store: Store, clock: Clock, length: timedelta, worker_id: str) -> None:
        self.worker_id = worker_id
        self._store = store
        self._clock = clock
        self._length = length
        self._host = this_host()
        self._worker: Worker | None = None
        # Whether the store may know this process: a beat may be written though it failed, or was cut off.
        self._may_be_known = False
        self._beating: asyncio.Task[None] | None = None
        self._registering = asyncio.Lock()
        self._lapses = 0

    async def hold(self) -> None:
        """Register, durably, and go on beating; to be called before a claim.

        One that has run out (the machine slept) is extended first: else others would take what is claimed under it.
        """
        if self.holds():
            return
        async with self._registering:
            if not self.holds():
                await self._beat()
            if self._beating is None:
                self._beating = asyncio.create_task(self._beat_on(), name="waystation lease")

    def holds(self) -> bool:
        """Whether it was taken and, as far as is known here, has not run out."""
        return self._worker is not None and self._worker.expires_at > self._clock.now()

    def term(self) -> int | None:
        """Names the time for which it holds without a gap; None while it does not. In a gap runs may have been taken
        from this process, and that it holds again brings none of them back."""
        worker = self._worker  # ``holds`` itself would be a call more, and this is asked before each step
        return self._lapses if worker is not None and worker.expires_at > self._clock.now() else None

    async def release(self) -> None:
        """Stop beating and hand over every run of this process at once."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating])
        self._worker = None
        if not self._may_be_known:
            return
        try:
            # Only the store knows which beats were written: one was cut off, perhaps, others' answers were lost.
            for worker in await self._store.workers():
                if worker.worker_id == self.worker_id:
                    await self._store.retire(worker)
        except StoreError as error:
            # It ends all the same. Others see that this process is gone, or that its lease has run out.
            _log.warning("the runs of %s could not be handed over as it ended: %s", self.worker_id, error)

    async def retire_the_dead(self) -> int:
        """Hand over the runs of processes whose lease has run out, or that are gone from this machine; gives how many
        others live."""
        return await retire_the_dead(self._store, self._clock, self.worker_id)

    async def _beat(self) -> None:
        worker = Worker(
            worker_id=self.worker_id,
            host=self._host,
            pid=os.getpid(),
            expires_at=self._clock.now() + round(self._length.total_seconds() * 1000),
        )
        self._may_be_known = True
        await self._store.beat(worker)
        if not self.holds():  # it had run out before it was extended
            self._lapses += 1
        self._worker = worker

    async def _beat_on(self) -> None:
        while True:
            await asyncio.sleep(self._length.total_seconds() / 3)
            try:
                await self._beat()
            except StoreError:
                # The epoch guards every write, so nothing can go wrong by driving on; only others may take over.
                _log.warning("the lease of %s could not be extended", self.worker_id, exc_info=True)
