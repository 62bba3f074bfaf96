"""The disk that the benchmarks run on, and a slower one (Linux, with a C compiler)."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_FLUSH = "BENCHMARK_FLUSH_NS"
_LIBRARY = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_for_the_disk(void) {
    long nanoseconds = atol(getenv("BENCHMARK_FLUSH_NS"));
    struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    nanosleep(&time, 0);
}
int fsync(int file) { wait_for_the_disk(); return syscall(SYS_fsync, file); }
int fdatasync(int file) { wait_for_the_disk(); return syscall(SYS_fdatasync, file); }
"""


def is_slowed() -> bool:
    """Whether this program runs with longer flushes already."""
    return _FLUSH in os.environ


def can_slow() -> bool:
    """Whether flushes can be made longer here."""
    return sys.platform == "linux" and shutil.which("cc") is not None


def run_again_slowed(milliseconds: float, program: str, arguments: Sequence[str]) -> int:
    """Runs a program with every flush made longer."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "slow.so"
        source = library.with_suffix(".c")
        source.write_text(_LIBRARY, encoding="ascii")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
        slowed = os.environ | {"LD_PRELOAD": str(library), _FLUSH: str(int(milliseconds * 1e6))}
        return subprocess.run([sys.executable, program, *arguments], env=slowed, check=False).returncode


def flush_cost(folder: Path) -> float:
    """Seconds that this disk takes to flush 4 KiB, median of 200."""
    seen: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            seen.append(time.perf_counter() - started)
    return statistics.median(seen)
