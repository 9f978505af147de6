"""Payload codecs: what a store keeps as bytes, compressed, encrypted, and kept beside it where it is long.

``payloads.py`` tells the order and the form; ``store.py`` is the store that does it to another.
"""

from waystation.store.codec.blobs import Blobs
from waystation.store.codec.compression import Compression
from waystation.store.codec.encryption import Encryption
from waystation.store.codec.payloads import Codec
from waystation.store.codec.protocol import PayloadCodec, PayloadPlace
from waystation.store.codec.store import CodecStore
from waystation.store.codec.sweeping import sweep_blobs
from waystation.store.codec.usage import keys_in_use

__all__ = [
    "Blobs",
    "Codec",
    "CodecStore",
    "Compression",
    "Encryption",
    "PayloadCodec",
    "PayloadPlace",
    "keys_in_use",
    "sweep_blobs",
]
