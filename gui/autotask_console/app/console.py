"""Makes every service, opens the queue after the first paint, and ends everything in order."""

from __future__ import annotations

import asyncio
import getpass
import logging
import signal
import sys
from pathlib import Path

from PySide6.QtWidgets import QApplication

from autotask_console.app.commands import QueueCommands
from autotask_console.app.crash_note import CrashNote
from autotask_console.app.demo import (
    ZONE,
    Simulator,
    compose_once,
    demo_zone,
    find_or_start,
    keep_company,
    stop,
)
from autotask_console.app.demo_run import leave_evidence
from autotask_console.app.key_desk import KeyDesk, QuitInstead
from autotask_console.app.options import Options
from autotask_console.app.page_list import PAGES
from autotask_console.app.painted import Painted, import_charts
from autotask_console.app.snapshot import look_at
from autotask_console.app.test_control import listen_if_asked
from autotask_console.app.work_facts import FailedReads, last_sent
from autotask_console.errors import Presenter, say
from autotask_console.models.list_keeper import ListKeeper
from autotask_console.models.references import References, zone_of
from autotask_console.pages.base import Services
from autotask_console.pages.breakers.notices import HoldNotices, watch_holds
from autotask_console.platform.fonts import ensure_fonts
from autotask_console.platform.icons import window_icon
from autotask_console.platform.keychain import SystemSecrets, open_secrets
from autotask_console.platform.theme import Theme
from autotask_console.runtime.bridge import CoreBridge
from autotask_console.runtime.hooks import Hooks
from autotask_console.runtime.single_instance import ConsoleSilent, SingleInstance
from autotask_console.runtime.tasks import Tasks
from autotask_console.settings import Settings, declared
from autotask_console.state import AppState, AppStore, ChangeFlags, Snapshot
from autotask_console.text import Tone, plural, tr
from autotask_console.widgets.focus_ring import FocusRings
from autotask_console.window import Window
from autotask_queue import (
    ControlServer,
    Durability,
    QueueConfig,
    QueueError,
    QueueManager,
    Recovery,
    RequestFilter,
    SystemClock,
    ZoneConfig,
    __version__,
    create_production_configuration,
)

logger = logging.getLogger(__name__)

CANNOT_OPEN = 3
SLOW_FACTS_SECONDS = 30.0
_SAVE_WITHIN = 1.0


class Console:
    """One run of the program. `run` is the main coroutine; it returns the exit code."""

    def __init__(self, app: QApplication, options: Options, hooks: Hooks, instance: SingleInstance) -> None:
        self.options = options
        self.paths = options.paths
        self._hooks = hooks
        self._instance = instance
        self._crashed: bool | None = None
        self._quit = asyncio.Event()
        self._grace: float | None = None
        ensure_fonts(app)
        app.setWindowIcon(window_icon())
        self._rings = FocusRings(app)
        self.clock = SystemClock()
        self.settings = Settings(self.paths.config_file)
        self.theme = Theme(app, self.settings.get(declared.THEME))
        self.secrets: SystemSecrets = open_secrets()
        self.queue: QueueManager | None = None
        self._for_others: ControlServer | None = None
        self.simulator: Simulator | None = None
        self.actor = _user()
        self.store = AppStore(AppState(user=self.actor, demo=options.demo), look=self._look)
        self.tasks = Tasks(self._present)
        self.window = Window(
            store=self.store,
            tasks=self.tasks,
            settings=self.settings,
            theme=self.theme,
            specs=PAGES,
            version=__version__,
            now=self.clock.now,
        )
        self._keys = KeyDesk(
            self.window,
            queue_file=self.paths.queue_file,
            secrets=self.secrets,
            settings=self.settings,
            clock=self.clock,
            actor=self.actor,
            demo=options.demo,
        )
        self.presenter = Presenter(self.window.toasts, self._report)
        self.crash_note = CrashNote(self.paths.state)
        self._bridge: CoreBridge | None = None
        self._hold_notices: HoldNotices | None = None
        self._control = listen_if_asked(app, self.window, own_folder=options.data_dir is not None)
        instance.raise_wanted.connect(self.window.come_to_front)
        self.window.close_wanted.connect(self.quit)
        self.window.host.message.pressed.connect(self._message_pressed)
        app.commitDataRequest.connect(lambda _: self.quit(grace=1.0))

    # -- life

    async def run(self) -> int:
        """Shows the window, opens the queue, waits for the end, and ends in order.

        Gives 0, or 3 if what the window said was that the queue could not be opened.
        """
        loop = asyncio.get_running_loop()
        self._hooks.watch(loop)
        self._hooks.on_bug = self._bug
        if sys.platform != "win32":
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self.quit)
        self.window.say_instead_of_page(tr("Opening your queue…"))
        painted = Painted(self.window.host.message)
        self.window.show()
        await painted.wait()
        self.tasks.start(self._open(), what=tr("open the queue"))
        if self.options.demo_seconds is not None:
            self.tasks.start(self._end_demo(self.options.demo_seconds), what=tr("end the demo"))
        try:
            await self._quit.wait()
        finally:
            await self._shut_down()
        return CANNOT_OPEN if self.store.state.stuck else 0

    def quit(self, *, grace: float | None = None) -> None:
        """Begins the end; `grace` shortens the wait for what is on the wire (log-off)."""
        self._grace = grace if grace is not None else self._grace
        self._quit.set()

    async def _open(self) -> None:
        try:
            if not await self._is_first():
                self.quit()
                return
            simulator = await self._simulator() if self.options.demo else None
            zones = await self._zones(simulator)
            queue, recovery = await self._keys.open(self._config(zones))
        except QueueError as error:
            self._cannot_open(error)
            return
        except QuitInstead:
            self.quit()
            return
        self.queue = queue
        await self._let_others_in(queue)
        if simulator is not None:
            await self._fill_demo(queue, simulator)  # before the first page chooses what to show
        await self._attach(queue, simulator.url if simulator is not None else None)
        if self.options.demo_seconds is not None:
            self.window.navigate("queue", RequestFilter())  # the picture at its end shows all there was
        self._tell(recovery, crashed=bool(self._crashed))

    async def _is_first(self) -> bool:
        """Whether this profile is ours; if not, the console that has it was brought to the front."""
        if self._instance.acquire():
            if self._crashed is None:
                self._crashed = self.crash_note.begin()
            return True
        if await asyncio.to_thread(self._instance.ask_first_to_show):
            return False
        raise ConsoleSilent(tr("Two consoles must not work on one queue."))

    async def _let_others_in(self, queue: QueueManager) -> None:
        """Lets the command line reach the queue that this program owns; without that, all else works."""
        server = ControlServer(queue, role="console")
        try:
            await server.start()
        except QueueError as error:
            logger.warning("the command line cannot reach this queue: %s", error.message)
        else:
            self._for_others = server

    async def _simulator(self) -> Simulator:
        self.window.say_instead_of_page(
            tr("Starting the demo…"), tr("A simulator of Autotask, on this laptop.")
        )
        self.simulator = await find_or_start(self.paths.data)
        return self.simulator

    async def _fill_demo(self, queue: QueueManager, simulator: Simulator) -> None:
        self.tasks.start(keep_company(simulator), what=tr("keep the demo's simulator"))
        try:
            await compose_once(queue, simulator)
        except QueueError as error:
            self._present(error, tr("add the demo's requests"))

    async def _end_demo(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self.queue is not None and self.store.state.open:
            await leave_evidence(
                self.queue,
                self.window,
                screenshot=self.options.screenshot,
                summary=self.options.summary,
            )
        self.quit()

    async def _zones(self, simulator: Simulator | None) -> dict[str, ZoneConfig]:
        if simulator is None:
            return dict(self.settings.zones)
        self.secrets.use_session_only()
        return {ZONE: await demo_zone(simulator, self.secrets)}

    def _config(self, zones: dict[str, ZoneConfig]) -> QueueConfig:
        tables = self.settings.queue_tables()
        tables["zones"] = zones
        tables.setdefault("actor", self.actor)
        persistence = {"backend": "sqlite", "connection": {"db_path": str(self.paths.queue_file)}}
        tables["persistence"] = {**tables.get("persistence", {}), **persistence}
        return create_production_configuration(**tables)

    def _cannot_open(self, error: QueueError) -> None:
        self.store.note(ChangeFlags.LIFE, stuck=True)
        said = say(error, tr("open the queue"))
        logger.error("the queue could not be opened: %s", error)
        self.window.say_instead_of_page(
            said.title,
            f"{said.message}\n{said.remedy}",
            (("open-again", tr("Try again")), ("quit", tr("Quit"))),
        )

    async def _attach(self, queue: QueueManager, bootstrap_url: str | None) -> None:
        references = References(queue, self.clock, parent=self.window)
        await references.load(zone_of(queue))
        lists = ListKeeper(queue, self.clock, references, self.store, self.tasks, parent=self.window)
        services = Services(
            queue=queue,
            tasks=self.tasks,
            store=self.store,
            settings=self.settings,
            presenter=self.presenter,
            toasts=self.window.toasts,
            secrets=self.secrets,
            navigate=self.window.navigate,
            theme=self.theme,
            clock=self.clock,
            references=references,
            lists=lists,
            actor=self.actor,
            bootstrap_url=bootstrap_url,
        )
        self._bridge = CoreBridge(queue.mailbox())
        self._bridge.events.connect(self.store.apply)
        self._bridge.gap.connect(self.store.gap)
        self.window.connect_queue(QueueCommands(queue, self.store, self.window.toasts, self.tasks))
        self.window.attach(services)
        self.store.note(
            ChangeFlags.LIFE,
            open=True,
            stuck=False,
            location=queue.location,
            encrypted=self._keys.encrypted,
            durable=queue.durability is not Durability.MEMORY,
            metrics=await queue.get_metrics(),
            last_sent_at=await last_sent(queue),
        )
        self.store.gap()
        await FailedReads(queue, self.store, self.tasks, parent=self.window).count()
        lists.start()
        self._hold_notices = watch_holds(services, self.window)
        self.tasks.start(self._bridge.run(), what=tr("follow the queue"))
        self.tasks.start(self._slow_facts(queue), what=tr("measure the queue"))
        self.tasks.start(import_charts(), what=tr("prepare the charts"))
        self.window.navigate(self._first_page(queue))

    def _first_page(self, queue: QueueManager) -> str:
        if not queue.zones and not queue.counters().cells:
            return "sign-in"
        last = self.settings.get(declared.LAST_PAGE)
        return last if last in self.window.host.specs else PAGES[0].page_id

    def _tell(self, recovery: Recovery, *, crashed: bool) -> None:
        toasts = self.window.toasts
        for problem in self.settings.problems:
            toasts.error(problem)
        if notes := (*self._keys.problems, *recovery.notes):  # they are one story
            toasts.error(" ".join(notes))
        if self._keys.news:
            toasts.say(self._keys.news, seconds=20)
        if recovery.uncertain:
            count = len(recovery.uncertain)
            toasts.say(
                plural(
                    count,
                    "{n} request was being sent when the program ended. We look it up; it is not sent twice.",
                    "{n} requests were being sent when the program ended. "
                    "We look them up; they are not sent twice.",
                ),
                seconds=20,
                glyph="?",
                tone=Tone.WARN,
            )
        elif crashed:
            note = tr("The program closed unexpectedly. Nothing queued was lost.")
            toasts.say(note, seconds=20, glyph="●", tone=Tone.HELD)

    async def _slow_facts(self, queue: QueueManager) -> None:
        """Facts that need I/O: file size, the last half hour. Rests while the window is minimised."""
        while True:
            if not self.window.isMinimized():
                now = self.clock.now()
                self.store.note(
                    ChangeFlags.METRICS,
                    size_bytes=await queue.size_bytes(),
                    minutes=tuple(await queue.minutes(since=now - 1860)),
                )
            await asyncio.sleep(SLOW_FACTS_SECONDS)

    async def _shut_down(self) -> None:
        self.store.note(ChangeFlags.LIFE, closing=True)
        await self._save_pages()
        await self.tasks.shutdown(grace=0.2)
        if self._for_others is not None:
            await self._for_others.close()
        if self.queue is not None:
            await self.queue.shutdown(grace=self._grace)
        if self.simulator is not None:
            await stop(self.simulator)
        if self._hold_notices is not None:
            self._hold_notices.stop()
        self.window.stop()
        self.settings.flush()
        if self._crashed is not None:
            self.crash_note.end()
        self.window.allow_close()
        self.window.close()
        logger.info("closed in order")

    async def _save_pages(self) -> None:
        pages = self.window.host.built
        try:
            async with asyncio.timeout(_SAVE_WITHIN):
                await asyncio.gather(*(page.save() for page in pages))
        except TimeoutError:
            logger.warning("drafts were not saved within %g s", _SAVE_WITHIN)
        except QueueError as error:
            logger.warning("drafts were not saved: %s", error)

    # -- signals

    def _look(self) -> Snapshot:
        if self.queue is None:
            return Snapshot(at=self.clock.now())
        return look_at(self.queue, self.clock)

    def _message_pressed(self, button_id: str) -> None:
        if button_id == "open-again":
            self.window.say_instead_of_page(tr("Opening your queue…"))
            self.store.note(ChangeFlags.LIFE, stuck=False)
            self.tasks.start(self._open(), what=tr("open the queue"))
        else:
            self.quit()

    def _present(self, error: BaseException, what: str) -> None:
        self.presenter.present(error, what)

    def _report(self, error: BaseException, what: str) -> None:
        self._hooks.report(error, what)

    def _bug(self, title: str, path: Path | None) -> None:
        where = tr(" A report is in {path}.", path=path) if path is not None else ""
        self.window.toasts.error(
            tr("Something unexpected happened. Your requests are safe.{where}", where=where)
        )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return tr("this laptop")
