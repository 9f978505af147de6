"""Compression: zstd, for what is long enough to gain by it."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from waystation.errors import CodecInvalid, ExtraMissing, PayloadDamaged
from waystation.store.codec.protocol import PayloadPlace

if TYPE_CHECKING:
    from zstandard import ZstdCompressor

MOST: Final = 1 << 30
"""So many bytes a compressed payload was made of, at most. A frame that claims more was not written here: it would only
be made to fill the memory."""

_LOWEST, _HIGHEST = 1, 22


class Compression:
    """Compresses payloads by zstd. Those that do not get shorter by it are kept as they are.

    Arguments:
        over: only those of more bytes; short ones gain nothing.
        level: 1 (quick) to 22 (short).

    Raises:
        CodecInvalid.
        ExtraMissing: zstandard is not installed.
    """

    def __init__(self, *, over: int = 1024, level: int = 3) -> None:
        if over < 0:
            raise CodecInvalid(f"Compression(over={over}): give the number of bytes from which on it is worth it")
        if not _LOWEST <= level <= _HIGHEST:
            raise CodecInvalid(f"Compression(level={level}): a level is {_LOWEST} to {_HIGHEST}")
        _check_installed()
        self.over = over
        self.level = level
        self._by_thread = _Compressors(level)

    def __repr__(self) -> str:
        return f"Compression(over={self.over}, level={self.level})"

    def encode(self, data: bytes, place: PayloadPlace) -> bytes:  # noqa: ARG002  (as any codec)
        """The frame of ``data``, which has at most ``MOST`` bytes."""
        return self._by_thread.compressor.compress(data)

    def decode(self, data: bytes, place: PayloadPlace) -> bytes:
        """What the frame was made of, at whatever level.

        Raises:
            PayloadDamaged.
        """
        return unpacked(data, place)


class _Compressors(threading.local):
    """One for each thread: it must not be used by two at once, and costs more to make than to use."""

    def __init__(self, level: int) -> None:
        import zstandard

        self.compressor: ZstdCompressor = zstandard.ZstdCompressor(level=level, write_checksum=True)


def unpacked(data: bytes, place: PayloadPlace) -> bytes:
    """What a frame was made of; also where compression is switched off again.

    Raises:
        PayloadDamaged.
        ExtraMissing: zstandard is not installed.
    """
    _check_installed()
    import zstandard

    try:
        if 0 <= zstandard.frame_content_size(data) <= MOST:
            return zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError:
        pass
    raise PayloadDamaged(
        f"{place.words} cannot be unpacked: it is not what was written there; bring back a backup of the store",
        run_id=place.run_id,
        place=place.words,
    )


def _check_installed() -> None:
    # Only here is it looked for: an app without compression need not have it.
    if find_spec("zstandard") is None:
        raise ExtraMissing("compressed payloads need zstandard: install waystation[payloads], which brings it")
