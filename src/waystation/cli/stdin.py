"""Standard input, at which a person may sit."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Generator[None]:
    """Whoever interrupts while standard input is waited for is heard at once: the event loop would but note it, and see
    to it when the wait is over."""
    before = signal.getsignal(signal.SIGINT)
    if before in {signal.SIG_IGN, None}:  # whoever started the command wants it so
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
