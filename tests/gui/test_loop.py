"""The loop: its timers go away, reuse of ids does not confuse it, nothing fires early."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from autotask_console.runtime import loop as loop_module
from autotask_console.runtime.loop import Loop
from autotask_console.runtime.loop import run as run_app


def the_loop() -> Loop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    return loop


def test_a_cancelled_timer_is_killed_at_once(run: Any) -> None:
    async def scenario() -> None:
        loop = the_loop()
        before = loop.live_timers
        handles = [loop.call_later(30, print) for _ in range(500)]
        assert loop.live_timers == before + 500
        for handle in handles:
            handle.cancel()
        assert loop.live_timers == before

    run(scenario())


def test_time_outs_that_did_not_happen_leave_no_timers(run: Any) -> None:
    """What HTTP clients do: three 30 s time-outs a request, hundreds of requests."""

    async def request() -> None:
        for _ in range(3):
            async with asyncio.timeout(30):
                await asyncio.sleep(0)

    async def scenario() -> None:
        loop = the_loop()
        highest = 0
        for _ in range(40):
            await asyncio.gather(*(request() for _ in range(5)))
            highest = max(highest, loop.live_timers)
        assert highest <= 50

    run(scenario())


def test_timers_made_in_callbacks_survive_reused_ids(run: Any) -> None:
    """Qt gives an id again after 128 others: a callback that makes and cancels timers, as HTTP clients do,
    may get its own. A version that forgot its timer only afterwards forgot the new one, and hung."""

    async def scenario() -> None:
        loop = the_loop()
        for cancelled in range(140):
            done = loop.create_future()

            def callback(count: int = cancelled, done: asyncio.Future[None] = done) -> None:
                for _ in range(count):
                    loop.call_later(30, print).cancel()
                loop.call_later(0.001, done.set_result, None)

            loop.call_later(0.001, callback)
            async with asyncio.timeout(10):
                await done

    run(scenario())


def test_a_timer_never_fires_before_its_time(run: Any) -> None:
    async def scenario() -> None:
        loop = the_loop()
        for wait in (0.0004, 0.0015, 0.01, 0.0333):
            start = loop.time()
            await asyncio.sleep(wait)
            assert loop.time() - start >= wait

    run(scenario())


def test_order_and_priority_of_callbacks(run: Any) -> None:
    async def scenario() -> None:
        loop = the_loop()
        seen: list[str] = []
        loop.call_later(0.02, seen.append, "late")
        loop.call_later(0.005, seen.append, "early")
        loop.call_soon(seen.append, "first")
        loop.call_soon(seen.append, "second")
        cancelled = loop.call_soon(seen.append, "never")
        cancelled.cancel()
        loop.call_at(loop.time() + 0.03, seen.append, "last")
        await asyncio.sleep(0.05)
        assert seen == ["first", "second", "early", "late", "last"]

    run(scenario())


def test_a_wait_longer_than_qt_can_count(run: Any) -> None:
    async def scenario() -> None:
        loop = the_loop()
        handle = loop.call_later(1e12, print)
        await asyncio.sleep(0)
        assert not handle.cancelled()
        handle.cancel()

    run(scenario())


def test_a_timer_that_qt_ends_early_is_armed_again(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "_LONGEST", 0.01)

    async def scenario() -> None:
        loop = the_loop()
        start = loop.time()
        await asyncio.sleep(0.06)
        assert loop.time() - start >= 0.06

    run(scenario())


def test_threads_may_call_in_and_the_executor_is_ours(run: Any) -> None:
    async def scenario() -> None:
        loop = the_loop()
        arrived = asyncio.Event()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(arrived.set))
        thread.start()
        await arrived.wait()
        thread.join()
        name = await asyncio.to_thread(lambda: threading.current_thread().name)
        assert name.startswith("console")

    run(scenario())


def test_sockets_work_on_it(run: Any) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    run(scenario())


def test_an_exception_comes_out_of_run(qapp: QApplication) -> None:
    async def fails() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        run_app(qapp, fails)


def test_run_gives_the_result_and_may_be_used_again(qapp: QApplication) -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    assert [run_app(qapp, answer) for _ in range(3)] == [42, 42, 42]


def test_the_executor_is_shut_down_with_the_loop(qapp: QApplication) -> None:
    loop = Loop(qapp)
    executor = loop._QEventLoop__default_executor
    assert isinstance(executor, ThreadPoolExecutor)
    loop.close()
    with pytest.raises(RuntimeError):
        executor.submit(print)
