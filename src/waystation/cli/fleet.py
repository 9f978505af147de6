"""``worker`` and ``resubmit``: an app on a fleet, whose runs a Restate places."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from waystation.cli import printing
from waystation.cli.apps import load_app
from waystation.cli.exits import Exit
from waystation.cli.failing import carry_out
from waystation.cli.options import AppOption, DispatchOption, JsonOption, StoreOption
from waystation.cli.serving import LOOPBACK, LogLevelOption, log_to_stderr
from waystation.settings import DEFAULT_WORKER_PORT

if TYPE_CHECKING:
    from waystation.dispatch.restate.worker import Worker
    from waystation.dispatch.resubmitted import Resubmitted
    from waystation.runtime import Waystation


def worker(
    *,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = LOOPBACK,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes any that is free.")
    ] = DEFAULT_WORKER_PORT,
    advertise: Annotated[
        str | None,
        typer.Option("--advertise", metavar="URL", help="Where Restate reaches it, or the balancer before it."),
    ] = None,
    identity_key: Annotated[
        list[str] | None,
        typer.Option("--identity-key", metavar="KEY", help="The public key of a Restate that may call; repeatable."),
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How many runs it drives at once; others wait.")] = 100,
    steps: Annotated[
        int, typer.Option("--steps", min=1, help="How many spread steps of runs elsewhere it runs at once.")
    ] = 100,
    share_port: Annotated[
        bool, typer.Option("--share-port", help="Other workers on this machine may listen there too.")
    ] = False,
    deregister: Annotated[
        bool, typer.Option("--deregister/--keep", help="Whether Restate is to forget it when it ends.")
    ] = False,
    log_level: LogLevelOption = "info",
    app: AppOption = None,
    store: StoreOption = None,
    dispatch: DispatchOption = None,
    json: JsonOption = False,
) -> None:
    """Serve the app's workflows to a Restate, and drive the runs that it places here. On SIGTERM it hands them over."""

    async def work(loaded: Waystation) -> Exit:
        serving = loaded.worker(
            host=host,
            port=port,
            advertise=advertise,
            identity_keys=identity_key or (),
            runs=runs,
            steps=steps,
            share_port=share_port,
            deregister=deregister,
        )
        from waystation.dispatch.restate.signals import on_end  # with the SDK, which other commands do without

        ended = asyncio.Event()
        on_end(ended.set)
        try:
            async with serving:
                _tell(loaded, serving, json=json)
                await ended.wait()
        finally:
            await loaded.close()
        return Exit.OK

    def begin() -> Waystation:
        log_to_stderr(log_level)
        return load_app(app, store, dispatch, recover=None)

    carry_out(lambda: work(begin()), "its runs go on on other workers, once they see that this one is gone", json=json)


def resubmit(
    *,
    app: AppOption = None,
    store: StoreOption = None,
    dispatch: DispatchOption = None,
    json: JsonOption = False,
) -> None:
    """Call every unfinished run of the store that can go on again, now or at its time: Restate lost its data, say."""

    async def work(loaded: Waystation) -> Exit:
        try:
            done = await loaded.resubmit()
        finally:
            await loaded.close()
        if json:
            printing.print_json(asdict(done))
        else:
            _tell_resubmitted(done)
        return Exit.FAILED if done.no_worker else Exit.OK

    carry_out(lambda: work(load_app(app, store, dispatch)), "those that came before are called", json=json)


def _tell(app: Waystation, serving: Worker, *, json: bool) -> None:
    if json:
        printing.print_json(
            {"url": serving.url, "deployment_id": serving.deployment_id, "workflows": sorted(app.workflows)}
        )
        sys.stdout.flush()
    else:
        printing.out.print(f"Worker at {serving.url}, registered as {serving.deployment_id}", markup=False)
        printing.err.print("Ctrl-C ends it: what is in flight ends, and its runs go on elsewhere", style="dim")


def _tell_resubmitted(done: Resubmitted) -> None:
    printing.out.print(f"called now: {done.now:,}, at their time: {done.later:,}")
    printing.out.print(f"driven by a live worker: {done.driven:,}, parked for people or events: {done.parked:,}")
    if done.no_worker:
        printing.err.print(
            f"no worker has registered the workflow of {done.no_worker:,} runs: start one, and they are called",
            style="yellow",
        )
