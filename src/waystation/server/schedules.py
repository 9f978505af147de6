"""What starts by itself."""

from __future__ import annotations

from fastapi import Request, Response

from waystation.engine.schedules import ScheduleInfo
from waystation.errors import UnknownSchedule
from waystation.server.details import detail
from waystation.server.runs import locate
from waystation.server.site import Here
from waystation.shapes import schedule_data


async def list_schedules(site: Here) -> dict[str, object]:
    """The schedules of the registered workflows, and when each fires next."""
    return {"schedules": [schedule_data(each) for each in await site.app.list_schedules()]}


async def pause_schedule(site: Here, schedule_id: str) -> dict[str, object]:
    """Let no slot of it fire any more, in any process, until it is resumed."""
    await site.app.pause_schedule(schedule_id)
    return schedule_data(await _find(site, schedule_id))


async def resume_schedule(site: Here, schedule_id: str) -> dict[str, object]:
    """Go on with its next slot from now."""
    await site.app.resume_schedule(schedule_id)
    return schedule_data(await _find(site, schedule_id))


async def run_schedule(site: Here, request: Request, response: Response, schedule_id: str) -> dict[str, object]:
    """Start a run of it now, beside its slots."""
    run = await site.app.run_schedule(schedule_id)
    locate(request, response, run.run_id)
    return await detail(site, run.run_id)


async def _find(site: Here, schedule_id: str) -> ScheduleInfo:
    for each in await site.app.list_schedules():
        if each.id == schedule_id:
            return each
    raise UnknownSchedule(f"this app has no schedule {schedule_id!r}")
