"""Where blobs are, and what is told when that fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from waystation import Blobs, PayloadPlace
from waystation.errors import (
    CodecInvalid,
    ExtraMissing,
    StoreDiskError,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
)
from waystation.store.codec import folders
from waystation.store.codec.blobs import BlobRef, blob_name, owner_and_token, owner_of
from waystation.store.codec.folders import BlobFolder, FileSystem, LocalFolder, RemoteFolder

HERE = PayloadPlace("entry", "r1", 7)


@pytest.fixture(params=["local", "remote"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> BlobFolder:
    where = tmp_path / "blobs" if request.param == "local" else f"memory://{tmp_path}"
    return Blobs(where).folder.inside("mine")


def test_what_is_put_can_be_read_listed_and_deleted(folder: BlobFolder) -> None:
    assert list(folder.names()) == []
    folder.put("3f/one", b"1")
    folder.put("3f/two", b"22")
    folder.put("a0/three", b"")
    assert [folder.get(name) for name in ("3f/one", "3f/two", "a0/three")] == [b"1", b"22", b""]
    assert sorted(folder.names()) == ["3f/one", "3f/two", "a0/three"]
    folder.delete(["3f/two", "3f/nobody", "zz/nobody"])
    assert sorted(folder.names()) == ["3f/one", "a0/three"]
    with pytest.raises(FileNotFoundError):
        folder.get("3f/two")


def test_a_folder_tells_what_was_written_before_what(folder: BlobFolder) -> None:
    before = folder.now()
    folder.put("3f/one", b"1")
    written = folder.written_at("3f/one")
    assert written is not None
    assert before <= written <= folder.now()
    assert folder.written_at("3f/nobody") is None
    assert list(folder.names()) == ["3f/one"], "asking for the time leaves nothing behind"


def test_folders_in_one_folder_do_not_see_each_others_blobs(tmp_path: Path) -> None:
    for blobs in (Blobs(tmp_path), Blobs(f"memory://{tmp_path}")):
        one, other = blobs.folder.inside("one"), blobs.folder.inside("other")
        one.put("3f/a", b"x")
        assert list(other.names()) == []
        assert list(one.names()) == ["3f/a"]


@pytest.mark.parametrize("form", ["{path}", "file://{path}"])
def test_a_folder_of_this_machine_is_a_path_or_an_address(form: str, tmp_path: Path) -> None:
    blobs = Blobs(form.format(path=tmp_path / "a%20b"))
    blobs.folder.put("3f/x", b"x")
    there = tmp_path / ("a b" if form.startswith("file") else "a%20b") / "3f/x"
    assert there.read_bytes() == b"x"


def test_a_write_is_synced_and_so_is_each_folder_that_tells_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path).as_posix())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    folder = LocalFolder(tmp_path / "blobs")
    folder.put("3f/x", b"x")
    assert synced == [".", "blobs", "blobs/3f/x.part", "blobs/3f"]
    synced.clear()
    folder.put("3f/y", b"y")
    assert synced == ["blobs/3f/y.part", "blobs/3f"]
    # In another process they are there, but it is not known whether they would be after a power cut.
    synced.clear()
    LocalFolder(tmp_path / "blobs").put("3f/z", b"z")
    assert synced == [".", "blobs", "blobs/3f/z.part", "blobs/3f"]


def test_folders_around_it_that_are_missing_are_made_and_synced_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(folders, "_sync", synced.append)
    LocalFolder(tmp_path / "srv" / "blobs").put("3f/x", b"x")
    srv = tmp_path / "srv"
    assert synced == [tmp_path, srv, srv / "blobs", srv / "blobs" / "3f"]


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = LocalFolder(tmp_path / "blobs")
    folder.put("3f/x", b"x")

    def fails(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space left"):
        folder.put("3f/y", b"y")
    assert sorted(folder.names()) == ["3f/x"]


class Objects:
    """What is used of a file system that has buckets of objects, and folders in them that are made first."""

    def __init__(self, *buckets: str) -> None:
        self.folders = {*buckets}
        self.kept: dict[str, bytes] = {}

    def pipe_file(self, path: str, value: bytes) -> None:
        if path.rpartition("/")[0] not in self.folders:
            raise FileNotFoundError(path)
        self.kept[path] = value

    def exists(self, path: str) -> bool:
        return path in self.folders

    def makedirs(self, path: str, exist_ok: bool) -> None:
        assert exist_ok
        self.folders.add(path)


@pytest.mark.parametrize("root", ["bucket/runs", "/bucket/runs", "bucket"])
def test_a_folder_that_is_missing_is_made_and_a_bucket_is_not(root: str) -> None:
    first = "/bucket" if root.startswith("/") else "bucket"
    files = Objects(first)
    RemoteFolder(cast("FileSystem", files), root).put("3f/x", b"x")
    assert files.kept == {f"{root}/3f/x": b"x"}
    with pytest.raises(FileNotFoundError):
        RemoteFolder(cast("FileSystem", Objects("other")), root).put("3f/x", b"x")


# ------------------------------------------------------------------ references and names


def test_a_reference_knows_its_blob_by_every_bit() -> None:
    ref = BlobRef.to(b"some bytes", bytes(range(16)))
    again = BlobRef.read(ref.to_bytes())
    assert again is not None
    assert again == ref
    assert again.fits(b"some bytes")
    assert not again.fits(b"some byteS")
    assert not again.fits(b"some bytes ")
    for wrong in (b"", ref.to_bytes()[:-1], ref.to_bytes() + b"x", b"\x02" + ref.to_bytes()[1:]):
        assert BlobRef.read(wrong) is None


@pytest.mark.parametrize("run_id", ["r1", "../../etc/passwd", "ä/ö: *?", "r" * 200, "."])
def test_a_blobs_name_is_a_plain_name_of_its_run_alone(run_id: str) -> None:
    name = blob_name(run_id, bytes(16))
    assert owner_and_token(name) == (owner_of(run_id), bytes(16))
    assert owner_and_token(f"{name}.part") == (owner_of(run_id), bytes(16))
    assert owner_of(run_id) != owner_of(f"{run_id} ")
    for other in ("notes.txt", f"x/{name}", f"{name}x", name.upper() + "Z"):
        assert owner_and_token(other) is None


# ------------------------------------------------------------------ what fails, and what is secret


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
        (errno.EROFS, StoreReadOnly),
        (errno.EACCES, StoreReadOnly),
        (errno.EIO, StoreDiskError),
        (errno.ENOTDIR, StoreDiskError),
        (errno.ECONNREFUSED, StoreUnavailable),
        (errno.ETIMEDOUT, StoreUnavailable),
    ],
)
def test_a_folder_that_fails_is_told_as_a_store_that_fails(number: int, kind: type[StoreError]) -> None:
    told = Blobs("/srv/blobs").failure(OSError(number, os.strerror(number)), "writing a blob of run 'r1'")
    assert type(told) is kind
    assert str(told).startswith("writing a blob of run 'r1' failed in the folder of blobs /srv/blobs: ")


def test_what_fsspec_cannot_do_is_no_outage() -> None:
    told = Blobs("memory://x").failure(NotImplementedError(), "sweeping")
    assert isinstance(told, CodecInvalid)
    assert str(told) == "sweeping: fsspec cannot do that with addresses such as memory://x"


def test_secrets_in_options_or_address_are_in_no_repr_and_no_error() -> None:
    secrets = ["SECRET-TOKEN", "SECRET-NESTED", "SECRET-LISTED", "SECRET-PASSWORD"]
    options = {"token": secrets[0], "client": {"more": [{"deep": secrets[1]}, secrets[2]]}, "port": 9}
    blobs = Blobs(f"memory://user:{secrets[3]}@host/folder", options=options)
    told = blobs.failure(RuntimeError(f"403 for {' '.join(secrets)} of user:{secrets[3]}"), "reading")
    assert isinstance(told, StoreUnavailable)
    for text in (repr(blobs), str(told)):
        assert not any(secret in text for secret in secrets)
        assert "memory://***@host/folder" in text
    assert "RuntimeError: 403 for *** *** *** *** of ***" in str(told)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Blobs(""), "names no folder"),
        (lambda: Blobs("file://relative"), "three slashes"),
        (lambda: Blobs("a\0b"), "names no folder"),
        (lambda: Blobs("/srv/blobs", over=-1), "over=-1"),
        (lambda: Blobs("/srv/blobs", options={"key": "x"}), "no options"),
        (lambda: Blobs("nonsense://x"), "no addresses of that kind"),
    ],
)
def test_a_folder_that_is_none_is_refused_at_once(make: Callable[[], object], said: str) -> None:
    with pytest.raises(CodecInvalid, match=said):
        make()


def test_a_kind_of_address_whose_package_is_missing_is_told_with_the_package() -> None:
    with pytest.raises(ExtraMissing, match="s3fs for s3://"):
        Blobs("s3://bucket/folder")
