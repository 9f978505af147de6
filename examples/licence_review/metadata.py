"""What an installed distribution says of itself, and what of that is missing or broken."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel


class Problem(BaseModel):
    """A field of a distribution's metadata that is missing or broken."""

    field: str
    what: str


class Distribution(BaseModel):
    """What is known of an installed distribution; what is not known is a problem, and loses nothing else."""

    name: str
    version: str = ""
    licence: str = ""
    classifiers: list[str] = []
    problems: list[Problem] = []


def folders(paths: list[str]) -> list[str]:
    """Where distributions keep their metadata: one folder each, in the order Python looks for them.

    The folders are looked for here, and read one at a time, so that one that is broken hides no other.
    """
    found: dict[str, str] = {}
    for path in paths:
        place = Path(path)
        if not place.is_dir():
            continue
        for folder in sorted(place.iterdir()):
            if folder.name.endswith((".dist-info", ".egg-info")):
                found.setdefault(folder.name.split("-")[0].lower().replace("_", "-"), str(folder))
    return sorted(found.values(), key=lambda folder: Path(folder).name.lower())


def read(folder: str) -> Distribution:
    """Read one distribution. Whatever is wrong with it is told in ``problems``; nothing raises."""
    place = Path(folder)
    by_folder = place.name.rsplit(".", 1)[0].split("-")
    problems: list[Problem] = []
    text = None
    for file in ("METADATA", "PKG-INFO"):
        candidate = place / file if place.is_dir() else place
        if candidate.is_file():
            try:
                text = candidate.read_bytes().decode("utf-8")
            except UnicodeDecodeError as error:
                problems.append(Problem(field=file, what=f"is not UTF-8: {error.reason} at byte {error.start}"))
                text = candidate.read_bytes().decode("utf-8", errors="replace")
            except OSError as error:
                problems.append(Problem(field=file, what=f"cannot be read: {error.strerror}"))
            break
    if text is None:
        problems.append(Problem(field="METADATA", what="there is no such file"))
    # importlib.metadata does the parsing; the text has just been seen to be there.
    fields = _Forgiving(place).metadata if text is not None else None
    known = {key: value for key in ("Name", "Version") if (value := _first(fields, key))}
    if text is not None:
        missing = [field for field in ("Name", "Version") if field not in known]
        problems.extend(Problem(field=field, what="is missing") for field in missing)
    licence = ""
    classifiers: list[str] = []
    if fields is not None:
        licence = _first(fields, "License-Expression") or _first(fields, "License")
        classifiers = [
            _plain(each) for each in fields.get_all("Classifier") or [] if str(each).startswith("License ::")
        ]
    if text is not None and not licence and not classifiers:
        problems.append(Problem(field="License", what="no licence expression, licence or licence classifier"))
    return Distribution(
        name=known.get("Name", by_folder[0]),
        version=known.get("Version", by_folder[1] if len(by_folder) > 1 else ""),
        licence=licence,
        classifiers=classifiers,
        problems=problems,
    )


class _Forgiving(metadata.PathDistribution):
    """Reads what is not UTF-8 too, with a sign in place of each byte that is not."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self._place = place

    def read_text(self, filename: str | os.PathLike[str]) -> str | None:
        file = self._place / filename
        return file.read_bytes().decode("utf-8", errors="replace") if file.is_file() else None


def _first(fields: metadata.PackageMetadata | None, field: str) -> str:
    """The first value of a field; "" if there is none."""
    values = fields.get_all(field) if fields is not None else None
    return _plain(values[0]) if values else ""


def _plain(value: object) -> str:
    """Text that can be kept as JSON: no NUL, no half characters."""
    return str(value).replace("\0", "�").encode("utf-8", errors="replace").decode("utf-8").strip()
