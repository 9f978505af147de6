"""``waystation schedules``: the workflows that start by themselves."""

from __future__ import annotations

from typing import Annotated

import typer

from waystation.cli import lines, printing
from waystation.cli.exits import Exit
from waystation.cli.placed import At, changes, looks
from waystation.shapes import schedule_data

schedules = typer.Typer(
    name="schedules", help="The workflows that start by themselves.", no_args_is_help=True, add_completion=False
)

ScheduleArgument = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule's id; 'list' shows it.")]


@schedules.command(name="list")
@looks
async def list_(at: At) -> Exit:
    """List the schedules, and when each fires next."""
    found = await at.place.list_schedules()
    if at.json:
        printing.print_json({"schedules": [schedule_data(each) for each in found]})
    else:
        lines.print_schedules(found)
    return Exit.OK


@schedules.command()
@looks
async def pause(at: At, schedule: ScheduleArgument) -> Exit:
    """Let no slot of SCHEDULE fire any more, in any process, until it is resumed."""
    await at.place.pause_schedule(schedule)
    return await _tell(at, schedule, "is paused")


@schedules.command()
@looks
async def resume(at: At, schedule: ScheduleArgument) -> Exit:
    """Let SCHEDULE go on with its next slot from now."""
    await at.place.resume_schedule(schedule)
    return await _tell(at, schedule, "goes on")


@schedules.command()
@changes
async def run(at: At, schedule: ScheduleArgument) -> Exit:
    """Start a run of SCHEDULE now, beside its slots, and follow it until it ends or is suspended."""
    started = await at.place.run_schedule(schedule)
    at.note(f"run {started.run_id} started")
    return at.tell(started, await started.wait())


async def _tell(at: At, schedule: str, now: str) -> Exit:
    (found,) = [each for each in await at.place.list_schedules() if each.id == schedule]
    if at.json:
        printing.print_json(schedule_data(found))
    else:
        printing.out.print(f"schedule {schedule} {now}", markup=False)
    return Exit.OK
