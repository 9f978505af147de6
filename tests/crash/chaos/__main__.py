"""``python -m tests.crash.chaos``: a chaos from a seed, printed with what was done, what was seen, and the verdict."""

from __future__ import annotations

import argparse
import random
import sys

from tests.crash.chaos.program import Settings, run_chaos


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="postgres")
    parser.add_argument("--seed", type=int, default=None, help="decides the faults and errands; drawn if not given")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--keep", action="store_true", help="keep the book, the logs and the store to look at")
    options = parser.parse_args()
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    report = run_chaos(Settings(options.store, seed, options.runs, options.seconds, keep=options.keep))
    print(report)
    return 1 if report.verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
