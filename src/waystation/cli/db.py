"""``waystation db``: what is done with a store itself. It needs no workflows, and none of it drives a run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated

import typer

from waystation import shapes
from waystation.cli import printing, surveys
from waystation.cli.apps import load_store
from waystation.cli.asking import agreed
from waystation.cli.durations import duration
from waystation.cli.exits import Exit, UsageError
from waystation.cli.exporting import write_runs
from waystation.cli.failing import carry_out
from waystation.cli.files import read_in_pieces
from waystation.cli.options import AppOption, JsonOption, StoreOption
from waystation.cli.progress import progress
from waystation.engine import retention
from waystation.engine.clock import SystemClock
from waystation.errors import RunNotFound, StoreSchemaOlder
from waystation.settings import clock_of
from waystation.store import Store, export_run, import_run
from waystation.store.listing import each_run
from waystation.store.records import ENDED, RunFilter, RunRecord

db = typer.Typer(
    name="db",
    help="The store itself: its schema, what is in it, old runs, and runs that move.",
    no_args_is_help=True,
    add_completion=False,
)


@db.command()
def upgrade(*, app: AppOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """Make the store's schema, or bring it up to date; the step before a deploy."""

    async def work(found: Store) -> Exit:
        before = await found.schema()
        await found.open()
        after = await found.schema()
        if json:
            printing.print_json({"store": after.store, "from": before.version, "to": after.version})
        else:
            surveys.print_upgrade(before, after)
        return Exit.OK

    _execute(work, app, store, json=json)


@db.command()
def status(*, app: AppOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """Show what is in the store. Nothing is made, brought up to date or changed."""

    async def work(found: Store) -> Exit:
        schema = await found.schema()
        survey = await found.survey() if schema.is_settled else None
        now = SystemClock().now() if survey is None or survey.at is None else survey.at
        if json:
            printing.print_json(surveys.status_data(schema, survey, now))
        else:
            surveys.print_status(schema, survey, now)
        return Exit.OK

    _execute(work, app, store, json=json)


@db.command()
def prune(
    *,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="TIME", help="Only runs that ended longer ago: 30d, 12h, 1d12h.")
    ],
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many, the oldest first.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    app: AppOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Delete runs that ended long ago, in small batches while others work. Runs that have not ended stay."""

    async def work(found: Store) -> Exit:
        age = duration("--older-than", older_than)
        if json and not (yes or dry_run):
            raise UsageError("with --json nothing is asked: give --yes to delete, or --dry-run to count")
        await _open_as_it_is(found)
        before = retention.ago(await clock_of(found), age)
        there: int | None = None
        if dry_run or not yes:
            there = await _count(found, before, limit)
            if dry_run:
                _tell_pruned(there, older_than, json=json, deleted=False)
                return Exit.OK
            question = f"delete {_so_many(there)} that ended more than {older_than} ago, for good?"
            if not there or not agreed(question):
                printing.out.print("nothing was deleted")
                return Exit.OK
        with progress("deleting", there, json=json) as deleting:
            deleted = await retention.prune(found, before, limit, deleting=deleting)
        _tell_pruned(deleted, older_than, json=json, deleted=True)
        return Exit.OK

    _execute(work, app, store, json=json)


@db.command()
def export(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="The runs' ids.")],
    *,
    output: Annotated[
        str | None,
        typer.Option("--output", metavar="PATH", help="The file, or the folder for a file each; else standard output."),
    ] = None,
    app: AppOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Write RUN, with all that is kept of it, as JSON lines. The store stays as it is."""

    async def work(found: Store) -> Exit:
        if output is None and len(set(runs)) > 1:
            raise UsageError("several runs are several files: name a folder for them with --output")
        await _open_as_it_is(found)
        for run in runs:
            if await found.get_run(run) is None:
                raise RunNotFound(f"there is no run {run!r} in the store; nothing was exported", run_id=run)
        await write_runs({run: partial(export_run, found, run) for run in runs}, output, json=json)
        return Exit.OK

    _execute(work, app, store, json=json)


@db.command(name="import")
def import_(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="What export wrote; - for standard input.")],
    *,
    app: AppOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Take in the run in FILE: as a whole, or, if anything is wrong with it, not at all. Several are taken in one after
    the other, up to the first that is refused."""

    async def work(found: Store) -> Exit:
        await _open_as_it_is(found, or_make_it=True)
        records: list[RunRecord] = []
        try:
            with progress("importing", len(files), json=json) as step:
                for file in files:
                    records.append(await import_run(found, read_in_pieces(file)))
                    step(1)
        finally:  # those that came before one that is refused are there
            if not json:
                for record in records:
                    printing.print_imported(record)
        if json:
            rows = [shapes.record_data(record) for record in records]
            printing.print_json(rows[0] if len(files) == 1 else {"imported": rows})
        return Exit.OK

    _execute(work, app, store, json=json)


# --------------------------------------------------------------------------- around and under them


def _execute(work: Callable[[Store], Awaitable[Exit]], app: str | None, store: str | None, *, json: bool) -> None:
    async def closed_at_the_end(found: Store) -> Exit:
        try:
            return await work(found)
        finally:
            await found.close()

    written = "what was being written is there as a whole or not at all"
    carry_out(lambda: closed_at_the_end(load_store(app, store)), written, json=json)


async def _open_as_it_is(store: Store, *, or_make_it: bool = False) -> None:
    """Open a store whose schema is the newest; others are for ``upgrade`` alone to change.

    Raises:
        StoreSchemaOlder.
    """
    schema = await store.schema()
    if not schema.is_settled and not (or_make_it and schema.version == 0):
        raise StoreSchemaOlder.of(schema.store, schema.version, schema.newest)
    await store.open()


async def _count(store: Store, before: int, limit: int | None) -> int:
    """How many runs ended before then, up to ``limit``."""
    there = 0
    # What ended before then was created before then.
    async for record in each_run(store, RunFilter(statuses=sorted(ENDED), until=before)):
        there += record.updated_at < before
        if there == limit:
            break
    return there


def _tell_pruned(runs: int, older_than: str, *, json: bool, deleted: bool) -> None:
    if json:
        printing.print_json({"deleted" if deleted else "would_delete": runs})
    elif deleted:
        printing.out.print(f"deleted {_so_many(runs)} that ended more than {older_than} ago")
    else:
        printing.out.print(f"{_so_many(runs)} ended more than {older_than} ago; nothing was deleted")


def _so_many(runs: int) -> str:
    return f"{runs:,} run{'' if runs == 1 else 's'}"
