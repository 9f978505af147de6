"""The app on the pictures of the documentation, and a store of runs that have always the same times and names."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Literal

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from waystation import Cron, NonRetryable, Retry, StepContext, Waystation, step, workflow
from waystation.testing import VirtualClock

NOW = datetime(2027, 3, 2, 10, 24, tzinfo=timezone.utc)
"""When the pictures are taken."""


class Purchase(BaseModel):
    """What someone would like to buy."""

    item: str = Field(description="What it is, in a few words.")
    amount: float = Field(gt=0, description="In euros, with tax.")
    department: Literal["research", "sales", "workshop"]
    needed_for: str | None = None


class Question(BaseModel):
    """What is asked of who approves."""

    reason: str
    department: str
    budget_left: float


class Decision(BaseModel):
    """Their answer."""

    approved: bool
    charge_to: Literal["this year", "next year"] = "this year"
    comment: str | None = Field(default=None, description="Told to whoever asked.")


class Approvals(TypedDict):
    """What was said."""

    manager: Decision
    finance: Decision


class Delivery(BaseModel):
    """That it has come."""

    note: str


class Outcome(BaseModel):
    """What came of it."""

    item: str
    status: Literal["paid", "declined"]


@step
async def check_budget(purchase: Purchase) -> Purchase:
    """What is left this year."""
    return purchase


async def decide(purchase: Purchase, ctx: StepContext[Question, Decision]) -> Decision:
    """Ask whether it may be bought."""
    if ctx.resume_data is None:
        await ctx.suspend(
            Question(
                reason=f"May {purchase.department} buy {purchase.item} for {purchase.amount:,.0f} €?",
                department=purchase.department,
                budget_left=18_400 - purchase.amount,
            )
        )
    return ctx.resume_data


manager = step(id="manager", suspend=Question, resume=Decision)(decide)
finance = step(id="finance", suspend=Question, resume=Decision)(decide)


@step
async def cancel_order(item: str) -> None:
    """Send it back."""


@step(undo=cancel_order, retry=Retry(attempts=5))
async def place_order(said: Approvals, ctx: StepContext) -> str:
    """At the supplier's shop."""
    purchase = await ctx.get_init_data(Purchase)
    if not (said["manager"].approved and said["finance"].approved):
        await ctx.bail(Outcome(item=purchase.item, status="declined"))
    if purchase.item == "a kiln":
        raise NonRetryable("the supplier does not know the article 'a kiln'")
    return purchase.item


@step
async def pay(delivery: Delivery, ctx: StepContext) -> Outcome:
    """By bank transfer."""
    return Outcome(item=(await ctx.get_init_data(Purchase)).item, status="paid")


purchase = (
    workflow("purchase", input=Purchase, output=Outcome, description="Asked for, approved twice, ordered and paid.")
    .then(check_budget)
    .parallel([manager, finance], id="approvals")
    .then(place_order)
    .wait_for("delivered", Delivery, timeout=timedelta(days=30), id="delivery")
    .then(pay)
    .commit()
)


class Release(BaseModel):
    """What is to be rolled out."""

    version: str
    places: list[str]


@step(suspend=str, resume=bool)
async def sign_off(release: Release, ctx: StepContext[str, bool]) -> list[str]:
    """The last look."""
    if ctx.resume_data is None:
        await ctx.suspend(f"Roll {release.version} out to {len(release.places)} places?")
    return release.places


@step
async def roll_out(place: str) -> str:
    """One place after the other."""
    return place


release = workflow("release", input=Release, output=list[str]).then(sign_off).foreach(roll_out).commit()


@step
async def add_up(month: int) -> int:
    """All of it."""
    return month


closing = (
    workflow("month-end", input=int, output=int, schedule=Cron("0 6 1 * *", tz="Europe/Paris", input=1, id="monthly"))
    .then(add_up)
    .commit()
)

app = Waystation(workflows=[purchase, release, closing], store="memory://", recover=False)

BOUGHT = [
    ("BUY-1041", "a lathe", 8200.0, "workshop", "paid"),
    ("BUY-1042", "two microscopes", 5400.0, "research", "paid"),
    ("BUY-1043", "a kiln", 2300.0, "workshop", "paid"),
    ("BUY-1044", "a van", 17900.0, "sales", "declined"),
    ("BUY-1045", "a pillar drill", 3150.0, "workshop", "ordered"),
    ("BUY-1046", "trade fair tickets", 640.0, "sales", "cancelled"),
    ("BUY-1047", "a centrifuge", 6900.0, "research", "approved once"),
    ("BUY-1048", "a label printer", 890.0, "sales", "asked"),
]


async def seed(store: str) -> None:
    """Fill a store: the same at each time."""
    clock = VirtualClock(NOW - timedelta(days=3, hours=4))
    async with app.copy(store=store, clock=clock) as here:
        await here.get_workflow(closing).start(2, run_id="MONTH-2027-02")
    # Those that wait for an event go on by themselves; what is scheduled does not.
    async with Waystation(workflows=[purchase, release], store=store, clock=clock) as here:
        for run_id, item, amount, department, until in BOUGHT:
            clock.move(timedelta(hours=7, minutes=41))
            await buy(here, clock, run_id, {"item": item, "amount": amount, "department": department}, until)
        clock.move(timedelta(hours=5))
        places = ["Lyon", "Graz", "Porto"]
        await here.get_workflow(release).start({"version": "4.2", "places": places}, run_id="REL-4.2")
    clock.move(timedelta(minutes=52))
    async with app.copy(store=store, clock=clock) as here:
        await here.get_workflow(closing).create_run(run_id="MONTH-2027-03")


async def buy(here: Waystation, clock: VirtualClock, run_id: str, what: dict[str, object], until: str) -> None:
    """A purchase that came so far."""
    run = await here.get_workflow(purchase).create_run(run_id=run_id, resource_id=str(what["department"]))
    await run.start(what)
    if until == "asked":
        return
    clock.move(timedelta(minutes=18))
    said = {"approved": until != "declined", "comment": "within the plan for this year"}
    await run.resume(step="manager", data=said, actor="Ines", channel="studio")
    if until == "approved once":
        return
    clock.move(timedelta(minutes=9))
    if until == "cancelled":
        await run.cancel(reason="the fair is off", actor="Ines", channel="studio")
        return
    await run.resume_async(step="finance", data=said, actor="Teo", channel="studio")
    while (record := await run.record()).status == "running" or record.status == "suspended":
        await asyncio.sleep(0)  # until it waits for its delivery, or has ended
    if until == "paid" and record.status == "waiting":
        clock.move(timedelta(hours=2))
        await run.send_event("delivered", {"note": f"N-{run_id[-4:]}"})
        await run.wait()
