"""How fast the SQLite store is, beside its peers, in one run on this disk, and which goals that meets.

    python core/benchmarks/store.py           contests, claims, history and pickup, in some minutes
    python core/benchmarks/store.py --full    with a million waiting, and a million finished

The contests (`contenders.py`) are held twice: on this disk as it is, and with every flush made 1 ms longer
for everyone (Linux, with a C compiler; --flush changes the milliseconds, 0 leaves it out). A server's disk
with a cache that needs no flush answers in 0.2 ms, a technician's laptop in one to ten, and that is where
sharing a flush counts. The goals of Redis are those of `redis_queue.py`; that nothing is lost is for the
tests to say.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from contenders import HUEY, MANY_CALLERS, ONE_CALLER, OURS, PERSIST, RAW, WORK, Speed, compete
from contenders import show as show_contests
from goals import Goal, at_least
from goals import show as show_goals
from growth import measure_claims, measure_history, measure_pickup
from slow_disk import can_slow, flush_cost, is_slowed, run_again_slowed

MILLION = 1_000_000


def contest_goals(results: dict[str, dict[str, Speed]]) -> list[Goal]:
    """Of the design's table, what the contests are about; on a disk made slower only its own line."""

    def ours_beside(contest: str, whom: str, times: float) -> Goal:
        rates = results[contest]
        return at_least(contest, times, rates[OURS].rate / rates[whom].rate, whom)

    if is_slowed():
        return [ours_beside(MANY_CALLERS, whom, 25) for whom in (HUEY, PERSIST)]
    return [
        *(ours_beside(MANY_CALLERS, whom, 10) for whom in (HUEY, PERSIST)),
        ours_beside(ONE_CALLER, RAW, 0.8),
        ours_beside(WORK, HUEY, 4),
        ours_beside(WORK, PERSIST, 8),
    ]


async def measure_growth(options: argparse.Namespace) -> list[Goal]:
    """What does not depend on a peer."""
    sizes = [int(size) for size in options.sizes.split(",")]
    finished = options.finished
    if options.full:
        sizes, finished = [*sizes, MILLION], MILLION
    return [
        *await measure_claims(sizes, options.folder),
        *await measure_history(finished, options.folder, rounds=options.rounds, count=options.count),
        *await measure_pickup(options.folder),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--full", action="store_true", help="a million waiting, a million finished")
    parser.add_argument("--sizes", default="10000,100000", help="how many wait for the claims")
    parser.add_argument("--finished", type=int, default=50_000, help="how long the history is")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=4_000, help="requests for each contender and round")
    parser.add_argument("--flush", type=float, default=1.0, metavar="MS", help="of the slower disk; 0: none")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="on which disk")
    options = parser.parse_args(arguments)
    print(f"one flush of this disk: {flush_cost(options.folder) * 1e3:.2f} ms")
    results = compete(rounds=options.rounds, count=options.count, folder=options.folder)
    show_contests(results)
    goals = contest_goals(results)
    if not is_slowed():
        goals += asyncio.run(measure_growth(options))
    show_goals(goals)
    if options.flush and not is_slowed() and can_slow():
        print(f"\n\nThe contests with {options.flush:g} ms more for every flush:\n", flush=True)
        same = [f"--{name}={getattr(options, name)}" for name in ("rounds", "count", "folder")]
        return run_again_slowed(options.flush, __file__, same)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
