"""Writes runs to files, or one to standard output."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping

from waystation.cli import printing
from waystation.cli.exits import UsageError
from waystation.cli.files import file_for, save, to_standard_output
from waystation.cli.progress import progress


async def write_runs(runs: Mapping[str, Callable[[], AsyncIterator[bytes]]], output: str | None, *, json: bool) -> None:
    """Write each run, as lines, and tell where it is.

    Arguments:
        runs: by id, what gives its lines.
        output: the file, or the folder for a file each; None for standard output.
        json: whether a program reads what is told.

    Raises:
        UsageError: several runs are to go to one place, or a file cannot be written.
    """
    if output is None:
        if len(runs) > 1:
            raise UsageError("several runs are several files: name a folder for them with --output")
        for lines in runs.values():
            await to_standard_output(lines())
        return
    files = {run: file_for(output, run, several=len(runs) > 1) for run in runs}
    with progress("exporting", len(runs), json=json) as step:
        for run, lines in runs.items():
            await save(lines(), files[run])
            step(1)
    if json:
        printing.print_json({"exported": [{"run_id": run, "file": str(file)} for run, file in files.items()]})
        return
    for run, file in files.items():
        printing.out.print(f"run {run} is in {str(file)!r}", markup=False)
