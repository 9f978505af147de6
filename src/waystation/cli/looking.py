"""The commands that look at runs, and change nothing."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from waystation.cli import lines, printing
from waystation.cli.exits import Exit, UsageError
from waystation.cli.exporting import write_runs
from waystation.cli.given import event_id, moment, statuses
from waystation.cli.placed import At, RunArgument, looks
from waystation.cli.plan import plan_of
from waystation.cli.tree import run_tree
from waystation.cli.watching import watched
from waystation.shapes import entry_data, history_data, record_data, result_data, suspension_data

RunsArgument = Annotated[list[str], typer.Argument(metavar="RUN...", help="The runs' ids.")]
OutputOption = Annotated[
    str | None,
    typer.Option("--output", metavar="PATH", help="The file, or the folder for a file each; else standard output."),
]


@looks
async def runs(
    at: At,
    *,
    workflow: Annotated[str | None, typer.Option("--workflow", help="Only of this workflow.")] = None,
    status: Annotated[
        list[str] | None, typer.Option("--status", help="Only of this status; may be given several times.")
    ] = None,
    resource: Annotated[str | None, typer.Option("--resource", help="Only about this.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only created from then on: 2026-03-02T09:00, or 2h ago."),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only created before then.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Go on after the page that ended with it.")] = None,
) -> Exit:
    """List runs, newest first."""
    page = await at.place.list_runs(
        workflow=workflow,
        status=statuses(status or ()),
        resource_id=resource,
        since=moment("--since", since),
        until=moment("--until", until),
        limit=limit,
        cursor=cursor,
    )
    if at.json:
        printing.print_json({"runs": [record_data(each) for each in page.runs], "cursor": page.cursor})
    else:
        printing.print_runs(page.runs, page.cursor)
    return Exit.OK


@looks
async def pending(
    at: At,
    *,
    workflow: Annotated[str | None, typer.Option("--workflow", help="Only of this workflow.")] = None,
    run: Annotated[str | None, typer.Option("--run", help="Only of this run.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 1000,
) -> Exit:
    """List the open suspensions, oldest first: what people are waited for."""
    found = await at.place.pending(workflow=workflow, run_id=run, limit=limit)
    workflows = [at.place.at_hand(each.workflow_id, each.version) for each in found]
    if at.json:
        rows = [suspension_data(each, workflow) for each, workflow in zip(found, workflows, strict=True)]
        printing.print_json({"suspensions": rows})
    else:
        printing.print_pending(list(zip(found, workflows, strict=True)))
    return Exit.OK


@looks
async def show(at: At, run: RunArgument) -> Exit:
    """Show RUN as a tree: each step with its state, its time and its data."""
    found = await at.place.get_run(run)
    record, history = await found.record(), await found.history()
    result: object = None
    if record.status == "success":
        result = result_data(found.workflow, await found.result())["result"]
    if at.json:
        printing.print_json({**history_data(record, history), "result": result})
    else:
        printing.whole().print(run_tree(record, history, await plan_of(at.place, record), result))
    return Exit.OK


@looks
async def watch(at: At, run: RunArgument) -> Exit:
    """Draw RUN as it goes on, step by step, until it has ended; the last picture stays."""
    if at.json:
        raise UsageError("a picture is for people; 'events --follow --json' tells a program what happens")
    found = await at.place.get_run(run)
    return await watched(at, found)


@looks
async def events(
    at: At,
    run: RunArgument,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with those to come, until the run ends.")
    ] = False,
    after: Annotated[
        str | None, typer.Option("--after", metavar="SEQ", help="Only those after this one: its seq, or seq.part.")
    ] = None,
) -> Exit:
    """Print what has happened in RUN, event by event. With --json, one JSON document a line."""
    seq, part = event_id("--after", after)
    found = await at.place.get_run(run)
    async for event in found.events(after=seq, part=part, live=follow):
        if at.json:
            sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
            sys.stdout.flush()
        else:
            lines.print_event(event)
    return Exit.OK


@looks
async def journal(
    at: At,
    run: RunArgument,
    *,
    after: Annotated[int, typer.Option("--after", metavar="SEQ", min=0, help="Only entries after this one.")] = 0,
) -> Exit:
    """Print the journal of RUN: every entry that was ever recorded of it."""
    found = await at.place.get_run(run)
    entries = list(enumerate(await found.journal(), 1))[after:]
    if at.json:
        printing.print_json({"entries": [entry_data(seq, entry) for seq, entry in entries]})
    else:
        for seq, entry in entries:
            lines.print_entry(entry_data(seq, entry))
    return Exit.OK


@looks
async def export(at: At, runs: RunsArgument, *, output: OutputOption = None) -> Exit:
    """Write RUN, with all that is kept of it, as JSON lines. 'db import' takes it in."""
    found = {run: await at.place.get_run(run) for run in runs}
    await write_runs({run: each.export for run, each in found.items()}, output, json=at.json)
    return Exit.OK
