"""A server in a process of its own, with this store, on this port. It prints its address when it answers there."""

from __future__ import annotations

import logging
import sys

from tests.server.stock import WORKFLOWS
from waystation import Waystation
from waystation.server import serve

if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    app = Waystation(workflows=WORKFLOWS, store=sys.argv[1])
    serve(app, "127.0.0.1", int(sys.argv[2]), studio=False, on_ready=lambda url: print(url, flush=True))
    print("ended", flush=True)
