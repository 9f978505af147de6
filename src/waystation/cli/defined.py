"""The commands that tell what there is beside runs: workflows, agents, tools; and whether the runs fit the code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from waystation.cli import lines, printing
from waystation.cli.apps import load_app
from waystation.cli.exits import Exit
from waystation.cli.failing import carry_out
from waystation.cli.options import AppOption, DispatchOption, JsonOption, StoreOption
from waystation.cli.placed import At, WorkflowArgument, looks
from waystation.shapes import misfit_data

VersionOption = Annotated[str | None, typer.Option("--version", help="Which version; by default the current one.")]


@looks
async def workflows(at: At) -> Exit:
    """List the workflows."""
    found = await at.place.list_workflows()
    if at.json:
        printing.print_json({"workflows": found})
    else:
        lines.print_workflows(found)
    return Exit.OK


@looks
async def graph(at: At, workflow: WorkflowArgument, *, version: VersionOption = None) -> Exit:
    """Print WORKFLOW as a Mermaid flowchart, or as JSON with its schemas."""
    found = dict(await at.place.describe(workflow, version=version))
    mermaid = str(found.pop("mermaid", ""))
    if at.json:
        printing.print_json(found)
    else:
        sys.stdout.write(mermaid)
    return Exit.OK


@looks
async def agents(at: At) -> Exit:
    """List the agents that steps reach."""
    found = await at.place.list_agents()
    if at.json:
        printing.print_json({"agents": found})
    else:
        lines.print_parts(found, "no agents")
    return Exit.OK


@looks
async def tools(at: At) -> Exit:
    """List the tools that steps reach."""
    found = await at.place.list_tools()
    if at.json:
        printing.print_json({"tools": found})
    else:
        lines.print_parts(found, "no tools")
    return Exit.OK


def check(
    *,
    app: AppOption = None,
    store: StoreOption = None,
    dispatch: DispatchOption = None,
    json: JsonOption = False,
) -> None:
    """List the unfinished runs that the code at hand cannot continue, and why: the question to ask before a deploy."""

    async def work() -> Exit:
        async with load_app(app, store, dispatch) as opened:
            found = await opened.check()
        if json:
            printing.print_json({"misfits": [misfit_data(each) for each in found]})
        else:
            printing.print_misfits(found)
        return Exit.FAILED if found else Exit.OK

    carry_out(work, "nothing was changed", json=json)
