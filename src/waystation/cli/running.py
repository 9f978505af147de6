"""The commands that have runs begin, go on and end."""

from __future__ import annotations

from typing import Annotated

import typer

from waystation.cli import lines, printing
from waystation.cli.asking import agreed
from waystation.cli.durations import duration
from waystation.cli.exits import Exit, UsageError
from waystation.cli.given import json_argument, json_object
from waystation.cli.placed import At, RunArgument, WorkflowArgument, changes
from waystation.cli.places import AnyRun
from waystation.shapes import record_data

JSON = "- reads it from standard input, @FILE from a file."

InputOption = Annotated[str | None, typer.Option("--input", metavar="JSON", help=f"The input; {JSON}")]
StateOption = Annotated[str | None, typer.Option("--state", metavar="JSON", help="The run state it begins with.")]
ContextOption = Annotated[
    str | None, typer.Option("--context", metavar="JSON", help="The request context: what steps may read beside it.")
]
PerStepOption = Annotated[bool, typer.Option("--per-step", help="Pause after each step; 'proceed' goes on.")]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Be done when it is durable; the run goes on elsewhere.")]
RunIdOption = Annotated[str | None, typer.Option("--run-id", help="The new run's id; by default a random one.")]
ResourceOption = Annotated[str | None, typer.Option("--resource", help="What the run is about, to list runs by.")]
VersionOption = Annotated[str | None, typer.Option("--version", help="Which version; by default the current one.")]
KeyOption = Annotated[
    str | None, typer.Option("--idempotency-key", metavar="KEY", help="Of several with one key the first counts.")
]


@changes
async def run(
    at: At,
    workflow: WorkflowArgument,
    *,
    input: InputOption = None,
    run_id: RunIdOption = None,
    resource: ResourceOption = None,
    version: VersionOption = None,
    state: StateOption = None,
    context: ContextOption = None,
    per_step: PerStepOption = False,
    idempotency_key: KeyOption = None,
    no_wait: NoWaitOption = False,
) -> Exit:
    """Start a run of WORKFLOW and follow it until it ends or is suspended."""
    started = await at.place.get_workflow(workflow, version=version).start_async(
        json_argument("--input", input),
        run_id=run_id,
        resource_id=resource,
        idempotency_key=idempotency_key,
        state=json_object("--state", state),
        request_context=json_object("--context", context),
        per_step=per_step,
    )
    at.note(f"run {started.run_id} started")
    return await _tell(at, started, no_wait=no_wait)


@changes
async def create(
    at: At,
    workflow: WorkflowArgument,
    *,
    run_id: RunIdOption = None,
    resource: ResourceOption = None,
    version: VersionOption = None,
    idempotency_key: KeyOption = None,
) -> Exit:
    """Create a run of WORKFLOW and do not start it."""
    runnable = at.place.get_workflow(workflow, version=version)
    made = await runnable.create_run(run_id=run_id, resource_id=resource, idempotency_key=idempotency_key)
    return await _tell(at, made, no_wait=True)


@changes
async def start(
    at: At,
    run: RunArgument,
    *,
    input: InputOption = None,
    state: StateOption = None,
    context: ContextOption = None,
    per_step: PerStepOption = False,
    no_wait: NoWaitOption = False,
) -> Exit:
    """Start RUN, which was created before, and follow it until it ends or is suspended."""
    data = json_argument("--input", input)
    found = await at.place.get_run(run)
    await found.start_async(
        data,
        state=json_object("--state", state),
        request_context=json_object("--context", context),
        per_step=per_step,
    )
    return await _tell(at, found, no_wait=no_wait)


@changes
async def resume(
    at: At,
    run: RunArgument,
    *,
    data: Annotated[str | None, typer.Option("--data", metavar="JSON", help=f"The answer; {JSON}")] = None,
    step: Annotated[str | None, typer.Option("--step", help="The suspended step, if several wait.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="The label it was suspended with.")] = None,
    item: Annotated[int | None, typer.Option("--item", help="Of a foreach: the number of the item, from 0.")] = None,
    suspension: Annotated[str | None, typer.Option("--suspension", help="The id of the very suspension.")] = None,
    context: ContextOption = None,
    idempotency_key: KeyOption = None,
    no_wait: NoWaitOption = False,
) -> Exit:
    """Answer the suspension of RUN and follow it until it ends or is suspended again."""
    answer = json_argument("--data", data)
    found = await at.place.get_run(run)
    await found.resume_async(
        data=answer,
        step=step,
        label=label,
        item=item,
        suspension=suspension,
        request_context=json_object("--context", context),
        idempotency_key=idempotency_key or "",
    )
    return await _tell(at, found, no_wait=no_wait)


@changes
async def cancel(
    at: At,
    run: RunArgument,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; recorded.")] = "",
    grace: Annotated[
        str | None, typer.Option("--grace", metavar="TIME", help="How long steps in flight may go on: 30s, 5m.")
    ] = None,
    no_wait: NoWaitOption = False,
) -> Exit:
    """Cancel RUN, with all it waits for, and follow it until it has ended. One that has ended is not changed."""
    time = None if grace is None else duration("--grace", grace)
    found = await at.place.get_run(run)
    await found.cancel_async(reason=reason, grace=time)
    return await _tell(at, found, no_wait=no_wait)


@changes
async def restart(at: At, run: RunArgument, *, no_wait: NoWaitOption = False) -> Exit:
    """Go on with RUN at once if the process that drove it is gone, and follow it. Finished steps do not run again."""
    found = await at.place.get_run(run)
    await found.restart_async()
    return await _tell(at, found, no_wait=no_wait)


@changes
async def proceed(at: At, run: RunArgument, *, per_step: PerStepOption = False, no_wait: NoWaitOption = False) -> Exit:
    """Go on with RUN, which is paused between two steps, and follow it until it rests again."""
    found = await at.place.get_run(run)
    await found.proceed_async(per_step=per_step)
    return await _tell(at, found, no_wait=no_wait)


@changes
async def fork(
    at: At,
    run: RunArgument,
    *,
    from_step: Annotated[str, typer.Option("--from", metavar="STEP", help="A step that has run: its id or address.")],
    input: Annotated[
        str | None, typer.Option("--input", metavar="JSON", help=f"What to give the step instead; {JSON}")
    ] = None,
    state: Annotated[str | None, typer.Option("--state", metavar="JSON", help="What to change of the state.")] = None,
    run_id: RunIdOption = None,
    resource: ResourceOption = None,
    no_wait: NoWaitOption = False,
) -> Exit:
    """Begin a new run that shares the past of RUN up to a step, and runs that again. RUN stays as it is."""
    data = None if input is None else json_argument("--input", input)
    changed = json_object("--state", state)
    found = await at.place.get_run(run)
    made = await found.fork(from_step, input=data, state=changed, run_id=run_id, resource_id=resource)
    at.note(f"run {made.run_id} started")
    return await _tell(at, made, no_wait=no_wait)


@changes
async def send(
    at: At,
    event: Annotated[str, typer.Argument(metavar="EVENT", help="The event's name.")],
    *,
    data: Annotated[str, typer.Option("--data", metavar="JSON", help=f"Its data; {JSON}")] = "null",
    run: Annotated[str | None, typer.Option("--run", help="Only to this run.")] = None,
    workflow: Annotated[str | None, typer.Option("--workflow", help="Only to runs of this workflow.")] = None,
    resource: Annotated[str | None, typer.Option("--resource", help="Only to runs about this.")] = None,
    idempotency_key: KeyOption = None,
) -> Exit:
    """Send an event to every unfinished run that waits for it, or to one."""
    given, key = json_argument("--data", data), idempotency_key or ""
    if run is not None and (workflow is not None or resource is not None):
        raise UsageError("--run names one run: leave out --workflow and --resource")
    if run is None:
        place = at.place
        sent = await place.send_event(event, given, workflow=workflow, resource_id=resource, idempotency_key=key)
    else:
        await (await at.place.get_run(run)).send_event(event, given, idempotency_key=key)
        sent = [run]
    if at.json:
        printing.print_json({"run_ids": list(sent)})
    else:
        lines.print_sent(event, sent)
    return Exit.OK


@changes
async def delete(
    at: At,
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="The runs' ids.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> Exit:
    """Delete RUN with all that is kept of it, for good. One that has not ended must be cancelled first."""
    if at.json and not yes:
        raise UsageError("with --json nothing is asked: give --yes to delete")
    if not yes and not agreed(f"delete {len(runs):,} run{'' if len(runs) == 1 else 's'}, for good?"):
        printing.out.print("nothing was deleted")
        return Exit.OK
    for run in runs:
        await at.place.delete_run(run)
        if not at.json:
            printing.out.print(f"run {run} is deleted", markup=False)
    if at.json:
        printing.print_json({"deleted": runs})
    return Exit.OK


async def _tell(at: At, run: AnyRun, *, no_wait: bool) -> Exit:
    """Follow a run until it rests and tell how; or tell how it stands now."""
    if not no_wait:
        return at.tell(run, await run.wait())
    record = await run.record()
    if at.json:
        printing.print_json(record_data(record))
    else:
        printing.print_record(record)
        if not at.is_remote and record.status in {"running", "waiting"}:
            at.note("it goes on when an app that stays takes it over")
    return Exit.OK
