"""How the window feels with a million requests in the file and a thousand changes a second.

    python gui/benchmarks/table.py [--rows 1000000] [--seconds 10] [--changes 1000] [--view all|waiting]
                                   [--file PATH]

Everything is real: a SQLite queue file, the queue manager, the Queue page with its details, four moving
curves, the console's own event loop; only the screen is Qt's offscreen one, unless QT_QPA_PLATFORM says
otherwise. A precise 4 ms timer beats on the window's thread; the gap between two beats is how long the
window was deaf (the longest is a full garbage collection, as a rule). Filling the file takes about 40 s a
million; with --file it is kept and used again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["QT_API"] = "pyside6"

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from autotask_console.app.snapshot import look_at
from autotask_console.errors import Presenter
from autotask_console.models.list_keeper import ListKeeper
from autotask_console.models.references import References
from autotask_console.pages.base import Services
from autotask_console.pages.queue.page import QueuePage, create
from autotask_console.platform.fonts import ensure_fonts
from autotask_console.platform.theme import Theme
from autotask_console.runtime.bridge import CoreBridge
from autotask_console.runtime.loop import run
from autotask_console.runtime.tasks import Tasks
from autotask_console.settings import Settings
from autotask_console.state import AppState, AppStore, ChangeFlags
from autotask_console.text import Tone
from autotask_console.widgets.toast import Toasts
from autotask_console.window import PageSpec
from autotask_console.window.host import PageHost
from autotask_queue import (
    EchoProcessor,
    Effect,
    QueueManager,
    Request,
    RequestId,
    SessionSecrets,
    Status,
    SystemClock,
    create_production_configuration,
)
from autotask_queue.store import SqliteStore

BEAT_MS = 4
BATCH = 50
CURVES, POINTS = 4, 600
GOALS = {
    "heartbeat p99": ("ms", 16.0),
    "heartbeat max": ("ms", 50.0),
    "first rows painted": ("ms", 300.0),
    "jump anywhere, median": ("ms", 20.0),
    "filter to first page": ("ms", 100.0),
    "resident memory": ("MB", 350.0),
}
"""From quality.md's "Speed and size"."""
_UNITS = {"changes a second": "", "mapped file pages": "MB"}


# -- The file


def new_request(number: int, now: float) -> Request:
    """A ticket that waits."""
    return Request(
        seq=0,
        id=RequestId(str(uuid.UUID(int=number + (7 << 76)))),
        status=Status.PENDING,
        zone=f"zone{number % 3 + 1}",
        endpoint="/Tickets",
        method="POST",
        effect=Effect.WRITE,
        entity="Tickets",
        priority=5,
        summary=f"Create ticket: printer {number} is down",
        created_at=now,
        updated_at=now,
        data={"title": f"Printer {number} is down", "companyID": 175},
        search_text=f"printer {number}",
    )


async def fill(path: Path, rows: int) -> None:
    """Adds what is missing to `rows` requests through the store's own enqueue."""
    store = SqliteStore(path)
    await store.open(now=time.time())
    try:
        start = store.max_seq()
        while start < rows:
            now = time.time()
            count = min(5_000, rows - start)
            await store.enqueue([new_request(n, now) for n in range(start, start + count)], actor="benchmark")
            start += count
            if start % 250_000 == 0:
                print(f"  {start:,} requests", flush=True)
    finally:
        await store.close()


# -- The window


class Heartbeat(QTimer):
    """Measures the gaps between the beats of a precise timer, in milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps: list[float] = []
        self._last = time.perf_counter()
        self.setTimerType(Qt.TimerType.PreciseTimer)
        self.timeout.connect(self._beat)
        self.start(BEAT_MS)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append((now - self._last) * 1000)
        self._last = now


@dataclass(kw_only=True)
class Scene:
    """The page in a window, wired as app.py does it."""

    queue: QueueManager
    window: QWidget
    host: PageHost
    below: QVBoxLayout
    tasks: Tasks
    errors: list[str]

    @property
    def page(self) -> QueuePage:
        page = self.host.current
        assert isinstance(page, QueuePage)
        return page


def stage(app: QApplication, queue: QueueManager, folder: Path) -> Scene:
    """Puts the page into a window."""
    window = QWidget()
    window.resize(1268, 700)
    errors: list[str] = []
    toasts = Toasts(window)
    presenter = Presenter(toasts, lambda error, what: errors.append(f"{what}: {error!r}"))
    tasks = Tasks(presenter.present)
    settings = Settings(folder / "config.toml")
    clock = SystemClock()
    store = AppStore(AppState(), look=lambda: look_at(queue, clock))
    bridge = CoreBridge(queue.mailbox())
    bridge.events.connect(store.apply)
    bridge.gap.connect(store.gap)
    store.note(ChangeFlags.LIFE, open=True)
    store.gap()
    tasks.start(bridge.run(), what="follow the queue")
    host = PageHost([PageSpec(page_id="queue", title="Queue", create=create)], store, parent=window)
    layout = QVBoxLayout(window)
    layout.addWidget(host.stack, 3)
    below = QVBoxLayout()
    layout.addLayout(below, 1)
    references = References(queue, clock)
    lists = ListKeeper(queue, clock, references, store, tasks)
    theme = Theme(app, "light")
    services = Services(
        queue=queue, tasks=tasks, store=store, settings=settings, presenter=presenter, toasts=toasts,
        secrets=SessionSecrets(), navigate=lambda _page, _argument: None, theme=theme, clock=clock,
        references=references, lists=lists, actor="benchmark",
    )  # fmt: skip
    host.attach(services)
    every_second(window, host.tick)
    return Scene(queue=queue, window=window, below=below, host=host, tasks=tasks, errors=errors)


def every_second(parent: QWidget, work: Callable[[], None]) -> None:
    """Does `work` each second as long as `parent` lives."""
    timer = QTimer(parent)
    timer.timeout.connect(work)
    timer.start(1000)


def move_curves(scene: Scene) -> None:
    """Four curves of 600 points, renewed each second."""
    from autotask_console.widgets.chart import Chart, Line

    styles = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
    chart = Chart(
        [Line(name=f"curve {i}", tone=Tone.ACTIVE, style=styles[i]) for i in range(CURVES)],
        name="benchmark.chart",
    )
    scene.below.addWidget(chart)

    def renew() -> None:
        now = time.time()
        times = [now - POINTS + i for i in range(POINTS)]
        chart.show_series(times, [[random.random() * 40 for _ in times] for _ in range(CURVES)])
        chart.show_range(times[0], now)

    every_second(chart, renew)


async def until(true: Callable[[], object], *, within: float = 60.0) -> None:
    """Waits for `true()`, looking each millisecond."""
    end = time.monotonic() + within
    while not true():
        if time.monotonic() > end:
            raise SystemExit("It did not come true in time; the benchmark gives up.")
        await asyncio.sleep(0.001)


def painted(page: QueuePage) -> bool:
    """Whether every row in sight is there; paints, so that what is missing is asked for."""
    first, last = page.table.visible_rows()
    page.table.viewport().repaint()
    return last >= first and all(
        page.model.known(page.model.seq_at(r)) is not None for r in range(first, last + 1)
    )


# -- What is measured


async def first_rows(scene: Scene, view: str) -> float:
    """From showing the window to painted rows, in milliseconds."""
    begin = time.perf_counter()
    scene.window.show()
    scene.host.show("queue")
    scene.page.show_view(view)
    await until(lambda: not scene.page.live.loading and painted(scene.page))
    return (time.perf_counter() - begin) * 1000


async def jumps(scene: Scene, count: int = 40) -> list[float]:
    """From setting the scroll bar to the painted rows."""
    bar = scene.page.table.verticalScrollBar()
    took = []
    for _ in range(count):
        begin = time.perf_counter()
        bar.setValue(random.randrange(bar.maximum() + 1))
        await until(lambda: painted(scene.page))
        took.append((time.perf_counter() - begin) * 1000)
    bar.setValue(0)
    return took


async def filters(scene: Scene, texts: Sequence[str]) -> list[float]:
    """From the text to its first rows."""
    took = []
    for text in texts:
        begin = time.perf_counter()
        scene.page.filter.set_text(text)
        await until(
            lambda: not scene.page.live.loading and (not scene.page.model.vector or painted(scene.page))
        )
        took.append((time.perf_counter() - begin) * 1000)
    scene.page.filter.set_text("")
    await until(lambda: scene.page.live.complete)
    return took


async def change(scene: Scene, *, per_second: int, seconds: float) -> float:
    """Cancels and restores the newest requests in batches; gives the changes a second that came about."""
    queue, page = scene.queue, scene.page
    rows = await queue.rows(page.model.vector[:2_000])
    ids = [row.id for row in rows]
    done, place, begin = 0, 0, time.monotonic()
    while time.monotonic() - begin < seconds:
        batch = ids[place : place + BATCH]
        place = (place + BATCH) % len(ids)
        cancelled = (await queue.get_request(batch[0])).status is Status.CANCELLED
        result = await (queue.restore(batch) if cancelled else queue.cancel(batch))
        done += result.changed
        ahead = begin + done / per_second - time.monotonic()
        await asyncio.sleep(max(0.0, ahead))
    return done / (time.monotonic() - begin)


def resident() -> tuple[float, float]:
    """Megabytes of memory of its own, and of the queue file's pages that the system mapped into it.

    The latter are the system's cache, given back when anybody needs the room; a search touches them all.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        raise SystemExit("This system does not tell how much memory a program holds.") from None
    sizes = {
        name: float(rest.split()[0]) / 1000
        for name, _, rest in (x.partition(":") for x in lines)
        if "kB" in rest
    }
    return sizes["RssAnon"] + sizes["RssShmem"], sizes["RssFile"]


async def measure(app: QApplication, path: Path, options: argparse.Namespace) -> dict[str, float]:
    """All figures, by name; times in milliseconds."""
    queue = QueueManager(
        create_production_configuration(), processors={"echo": EchoProcessor()}, store=SqliteStore(path)
    )
    begin = time.perf_counter()
    await queue.initialize()
    figures = {"file opened": (time.perf_counter() - begin) * 1000}
    try:
        await queue.work_offline()
        with tempfile.TemporaryDirectory() as folder:
            scene = stage(app, queue, Path(folder))
            try:
                await watch(scene, figures, options)
            finally:
                scene.host.stop()
                await scene.tasks.shutdown()
                scene.window.close()
    finally:
        await queue.shutdown(grace=0)
    return figures


async def watch(scene: Scene, figures: dict[str, float], options: argparse.Namespace) -> None:
    """Uses the page as a person does, then lets the changes come."""
    figures["first rows painted"] = await first_rows(scene, options.view)
    begin = time.perf_counter()
    await until(lambda: scene.page.live.complete)
    figures["whole list known after"] = (time.perf_counter() - begin) * 1000
    took = await jumps(scene)
    figures["jump anywhere, median"] = statistics.median(took)
    figures["jump anywhere, worst"] = max(took)
    texts = ["zone:zone2", "state:failed", "printer 77 state:waiting", "age:<1h zone:zone1"]
    figures["filter to first page"] = max(await filters(scene, texts))
    move_curves(scene)
    await asyncio.sleep(1.5)
    beat = Heartbeat()
    figures["changes a second"] = await change(scene, per_second=options.changes, seconds=options.seconds)
    beat.stop()
    gaps = sorted(beat.gaps)
    figures["heartbeat p50"] = gaps[len(gaps) // 2]
    figures["heartbeat p99"] = gaps[int(len(gaps) * 0.99)]
    figures["heartbeat max"] = gaps[-1]
    figures["resident memory"], figures["mapped file pages"] = resident()
    print(*(f"  went wrong: {error}" for error in scene.errors), sep="\n", end="")


def report(rows: int, figures: dict[str, float]) -> bool:
    """Prints the figures beside the goals; tells whether all were met."""
    print(f"\n{rows:,} requests")
    met = True
    for name, value in figures.items():
        unit, goal = GOALS.get(name, (_UNITS.get(name, "ms"), None))
        verdict = ""
        if goal is not None:
            good = value <= goal
            met &= good
            verdict = f"   goal ≤ {goal:g} {unit}   {'ok' if good else 'MISSED'}"
        print(f"  {name:<26}{value:10.1f} {unit:<3}{verdict}")
    return met


def main() -> int:
    """Fills, measures, reports; 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--changes", type=int, default=1_000, help="wanted status changes a second")
    parser.add_argument("--view", choices=("all", "waiting"), default="all")
    parser.add_argument("--file", type=Path, default=None, help="keep the queue file here and use it again")
    options = parser.parse_args()
    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    ensure_fonts(app)
    with tempfile.TemporaryDirectory(prefix="autotask-table-") as folder:
        path = options.file or Path(folder) / "queue.db"
        print(f"filling {path} to {options.rows:,} requests", flush=True)
        asyncio.run(fill(path, options.rows))
        figures = run(app, lambda: measure(app, path, options))
    return 0 if report(options.rows, figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
