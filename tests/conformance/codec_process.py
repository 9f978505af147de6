"""A process that brings a run to its end, its data encoded, and may be killed at one of its writes.

``python codec_process.py FOLDER AT`` goes on with the run ``r1`` from wherever it is, and is killed before its write
AT; 0 for never.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.conformance.secretive import LONG, RESULT, SECRETS, secretive
from tests.conformance.waiting import until_status
from waystation import Blobs, Codec, CodecStore, Compression, Encryption, Waystation, open_store
from waystation.errors import RunNotFound
from waystation.testing.crashing import CrashingStore


def codec(folder: Path) -> Codec:
    """All of it on, with the keys of the environment."""
    return Codec(
        compress=Compression(over=200),
        encrypt=Encryption.from_env(),
        blobs=Blobs(folder / "blobs", over=100),
        only_encrypted=True,
    )


async def go_on(app: Waystation) -> None:
    """Bring the run to its end, from wherever it is."""
    try:
        run = await app.get_run("r1")
    except RunNotFound:
        run = await app.get_workflow("secretive").create_run(run_id="r1")
    if await run.status() == "pending":
        await run.start_async(SECRETS["input"])
    if await run.status() == "running":
        await until_status(run, "suspended", "waiting", "success")
    if await run.status() == "suspended":
        await run.resume_async(step="review", data=SECRETS["answer"] * LONG)
        await until_status(run, "waiting")
    if await run.status() == "waiting":
        await run.send_event("paper", SECRETS["event"] * LONG, idempotency_key="once")
    result = await run.wait()
    assert result.status == "success", result
    assert result.result == RESULT


async def main(folder: Path, at: int) -> None:
    """Go on, and say how many writes it took."""
    crashing = CrashingStore(open_store(f"sqlite:///{folder}/runs.db"), at=at, when="before")
    async with Waystation(workflows=[secretive], store=CodecStore(crashing, codec(folder))) as app:
        await go_on(app)
    print(crashing.writes)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
