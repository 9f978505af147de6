"""The commands. Each loads the app, does one thing with it, prints what came of it, and exits with a code."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, cast, get_args

import msgspec
import typer

from waystation import shapes
from waystation.cli import printing
from waystation.cli.apps import load_app
from waystation.cli.db import db
from waystation.cli.exits import Exit, UsageError
from waystation.cli.failing import carry_out, fail
from waystation.cli.options import AppOption, JsonOption, StoreOption
from waystation.cli.stdin import interruptible
from waystation.cli.tree import run_tree
from waystation.define.workflow import Workflow
from waystation.errors import WaystationError
from waystation.results import RunActive, RunCancelled, RunFailed, RunPaused, RunSucceeded, RunSuspended, Suspension
from waystation.run import Run
from waystation.runtime import Waystation
from waystation.store.records import RunStatus, WorkflowKey

cli = typer.Typer(
    name="waystation",
    help="Durable, typed workflows that pause for people.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

cli.add_typer(db, name="db")

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
WorkflowArgument = Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow's id.")]


@cli.callback(invoke_without_command=True)
def about(
    *,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Durable, typed workflows that pause for people."""
    if show_version:
        typer.echo(version("waystation"))
        raise typer.Exit


@cli.command()
def run(
    workflow: WorkflowArgument,
    *,
    input: Annotated[
        str | None, typer.Option("--input", metavar="JSON", help="The input; - reads it from stdin, @FILE from a file.")
    ] = None,
    run_id: Annotated[str | None, typer.Option("--run-id", help="The new run's id; by default a random one.")] = None,
    resource: Annotated[str | None, typer.Option("--resource", help="What the run is about, to list runs by.")] = None,
    app: AppOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Start a run of WORKFLOW and follow it until it ends or is suspended."""

    async def work(opened: Waystation) -> Exit:
        data = _json_argument("--input", input)
        runnable = opened.get_workflow(workflow)
        # Held against the schema before the run is created: a typing error leaves no pending run behind.
        runnable.check_input(data)
        created = await runnable.create_run(run_id=run_id, resource_id=resource)
        if not json:
            printing.err.print(f"run {created.run_id} started", style="dim")
        return _tell(created, await created.start(data), json=json)

    _execute(work, app, store, json=json)


@cli.command()
def resume(
    run: RunArgument,
    *,
    data: Annotated[
        str | None, typer.Option("--data", metavar="JSON", help="The answer; - reads it from stdin, @FILE from a file.")
    ] = None,
    step: Annotated[str | None, typer.Option("--step", help="The suspended step, if several wait.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="The label it was suspended with.")] = None,
    item: Annotated[int | None, typer.Option("--item", help="Of a foreach: the number of the item, from 0.")] = None,
    suspension: Annotated[str | None, typer.Option("--suspension", help="The id of the very suspension.")] = None,
    actor: Annotated[str, typer.Option("--actor", help="Who answers; recorded.")] = "",
    app: AppOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Answer the suspension of RUN and follow it until it ends or is suspended again."""

    async def work(opened: Waystation) -> Exit:
        answer = _json_argument("--data", data)
        found = await opened.get_run(run)
        result = await found.resume(
            data=answer, step=step, label=label, item=item, suspension=suspension, actor=actor, channel="cli"
        )
        return _tell(found, result, json=json)

    _execute(work, app, store, json=json)


@cli.command()
def runs(
    *,
    workflow: Annotated[str | None, typer.Option("--workflow", help="Only of this workflow.")] = None,
    status: Annotated[str | None, typer.Option("--status", help="Only of this status.")] = None,
    resource: Annotated[str | None, typer.Option("--resource", help="Only about this.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Go on after the page that ended with it.")] = None,
    app: AppOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """List runs, newest first."""

    async def work(opened: Waystation) -> Exit:
        known = get_args(RunStatus)
        if status is not None and status not in known:
            raise UsageError(f"there is no status {status!r}; there are {', '.join(known)}")
        page = await opened.list_runs(
            workflow=workflow,
            status=cast("RunStatus | None", status),
            resource_id=resource,
            limit=limit,
            cursor=cursor,
        )
        if json:
            printing.print_json({"runs": [shapes.record_data(each) for each in page.runs], "cursor": page.cursor})
        else:
            printing.print_runs(page.runs, page.cursor)
        return Exit.OK

    _execute(work, app, store, json=json)


@cli.command()
def pending(
    *,
    workflow: Annotated[str | None, typer.Option("--workflow", help="Only of this workflow.")] = None,
    app: AppOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """List the open suspensions, oldest first: what people are waited for."""

    async def work(opened: Waystation) -> Exit:
        found = await opened.pending(workflow=workflow)
        if json:
            rows = [shapes.suspension_data(each, opened.versions[_key(each)]) for each in found]
            printing.print_json({"suspensions": rows})
        else:
            printing.print_pending(found, opened.versions)
        return Exit.OK

    _execute(work, app, store, json=json)


@cli.command()
def show(run: RunArgument, *, app: AppOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """Show RUN as a tree: each step with its state, its time and its data."""

    async def work(opened: Waystation) -> Exit:
        found = await opened.get_run(run)
        record, history = await found.record(), await found.history()
        result: object = None
        if record.status == "success":
            result = shapes.result_data(found.workflow, await found.result())["result"]
        if json:
            printing.print_json({**shapes.history_data(record, history), "result": result})
        else:
            printing.out.print(run_tree(record, history, found.workflow.graph, result))
        return Exit.OK

    _execute(work, app, store, json=json)


@cli.command()
def check(*, app: AppOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """List the unfinished runs that the code at hand cannot continue, and why: the question to ask before a deploy."""

    async def work(opened: Waystation) -> Exit:
        found = await opened.check()
        if json:
            printing.print_json({"misfits": [shapes.misfit_data(each) for each in found]})
        else:
            printing.print_misfits(found)
        return Exit.FAILED if found else Exit.OK

    _execute(work, app, store, json=json)


@cli.command()
def graph(
    workflow: WorkflowArgument, *, app: AppOption = None, store: StoreOption = None, json: JsonOption = False
) -> None:
    """Print WORKFLOW as a Mermaid flowchart, or as JSON with its schemas."""

    def work(found: Workflow[object, object]) -> None:
        if json:
            printing.print_json(found.describe())
        else:
            sys.stdout.write(found.mermaid())

    try:
        work(load_app(app, store).get_workflow(workflow).workflow)
    except WaystationError as error:
        fail(error, json=json)


# --------------------------------------------------------------------------- around every command


def _execute(work: Callable[[Waystation], Awaitable[Exit]], app: str | None, store: str | None, *, json: bool) -> None:
    async def opened(loaded: Waystation) -> Exit:
        async with loaded:
            return await work(loaded)

    kept = "what was recorded is kept, and the run goes on when an app recovers it"
    carry_out(lambda: opened(load_app(app, store)), kept, json=json)


def _tell(run: Run[object, object], result: shapes.AnyResult, *, json: bool) -> Exit:
    if json:
        printing.print_json(shapes.result_data(run.workflow, result))
    else:
        printing.print_result(run.workflow, result)
    match result:
        case RunSucceeded():
            return Exit.OK
        case RunFailed() | RunCancelled():
            return Exit.FAILED
        case RunSuspended() | RunPaused():
            return Exit.SUSPENDED
        case RunActive():
            return Exit.OK


def _key(suspension: Suspension) -> WorkflowKey:
    return WorkflowKey(suspension.workflow_id, suspension.version)


def _json_argument(option: str, text: str | None) -> object:
    if text is None:
        raise UsageError(f"give {option} JSON, {option} - to read it from standard input, or {option} @FILE")
    if text == "-":
        with interruptible():
            text = sys.stdin.read()
    elif text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{option}: {text[1:]!r} cannot be read: {error}") from None
    try:
        found: object = msgspec.json.decode(text or "")
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(
            f"{option} is not JSON: {error}. In a shell, put it in single quotes: '{{\"key\": 1}}'"
        ) from None
    return found


def main() -> None:
    """The entry point."""
    cli()
