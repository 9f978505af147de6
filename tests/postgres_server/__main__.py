"""Run a PostgreSQL in the foreground, and print its address. It ends, with all that is in it, with this program."""

from __future__ import annotations

import argparse
import signal
from contextlib import suppress

from tests.postgres_server.server import PostgresServer


def main() -> None:
    argparse.ArgumentParser(prog="python -m tests.postgres_server", description=__doc__).parse_args()
    # SIGTERM ends it as Ctrl-C does: through the block's end.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with PostgresServer() as server:
        print(server.url, flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
