"""Nobody is surprised by the end of a hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.gui.breakers.conftest import Scene, Stage
from tests.gui.looks import child

from autotask_console.pages.breakers.notices import HoldNotices
from autotask_console.text import clock_time
from autotask_console.widgets.button import Button


@contextmanager
def notices(scene: Scene, extended: list[tuple[str, str | None]] | None = None) -> Iterator[HoldNotices]:
    asked = extended if extended is not None else []
    watch = HoldNotices(
        store=scene.bench.store,
        toasts=scene.bench.services.toasts,
        clock=scene.clock,
        extend=lambda zone, entity: asked.append((zone, entity)),
    )
    try:
        yield watch
    finally:
        watch.stop()


def texts(scene: Scene, watch: HoldNotices) -> list[str]:
    """What is said after the state was brought up to date and the watch's own timer fired."""
    scene.bench.deliver()
    watch.look()
    return scene.bench.services.toasts.texts


def test_five_minutes_before_the_end_and_once(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            extended: list[tuple[str, str | None]] = []
            with notices(scene, extended) as watch:
                await scene.bench.queue.circuit_breaker.force_open("ww5", "swap", expires_in=1_800)
                end = clock_time(scene.clock.now() + 1_800)
                await scene.clock.advance(1_499)
                assert texts(scene, watch) == []
                await scene.clock.advance(2)
                (text,) = texts(scene, watch)
                assert text == (
                    f"The hold of zone ww5 ends at {end}, in 5 min. Then it is tested before it sends again."
                )
                await scene.clock.advance(60)
                assert texts(scene, watch) == [text]
                child(scene.bench.services.toasts, Button, "toast.button").click()
                assert extended == [("ww5", None)]

    run(scenario())


def test_an_extended_hold_is_announced_again(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            with notices(scene) as watch:
                board = scene.bench.queue.circuit_breaker
                await board.force_open("ww5", "swap", expires_in=1_800)
                await scene.clock.advance(1_600)
                assert len(texts(scene, watch)) == 1
                await board.extend("ww5", 900)
                await scene.clock.advance(60)
                assert len(texts(scene, watch)) == 1
                await scene.clock.advance(900)
                assert len(texts(scene, watch)) == 2

    run(scenario())


@pytest.mark.parametrize(
    ("zone", "entity", "sentence"),
    [
        ("ww5", None, "Maintenance of zone ww5 ended (time was up). Testing with 1 request."),
        ("ww5", "Tickets", "Maintenance of Tickets of ww5 ended (time was up). It is sent again."),
        ("*", None, "Maintenance of everything ended (time was up). Testing with 1 request."),
    ],
)
def test_a_hold_that_ends_by_itself(
    run: Any, stage: Stage, zone: str, entity: str | None, sentence: str
) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            with notices(scene) as watch:
                await scene.bench.queue.circuit_breaker.force_open(
                    zone, "swap", entity=entity, expires_in=120
                )
                assert texts(scene, watch) == []
                await scene.clock.advance(121)
                assert texts(scene, watch) == [sentence]
                await scene.clock.advance(60)
                assert texts(scene, watch) == [sentence]

    run(scenario())


def test_a_hold_that_ended_while_the_laptop_slept(run: Any, stage: Stage) -> None:
    """Monotonic time stands still in sleep, the wall clock does not."""

    async def scenario() -> None:
        async with stage("ww5") as scene:
            with notices(scene) as watch:
                await scene.bench.queue.circuit_breaker.force_open("ww5", "swap", expires_in=1_800)
                assert texts(scene, watch) == []
                scene.clock.jump(8 * 3_600)
                scene.look()
                assert texts(scene, watch) == [
                    "Maintenance of zone ww5 ended (time was up). Testing with 1 request."
                ]

    run(scenario())


def test_what_a_person_ends_is_not_announced_again(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            with notices(scene) as watch:
                board = scene.bench.queue.circuit_breaker
                await board.force_open("ww5", "swap", expires_in=1_800)
                assert texts(scene, watch) == []
                await board.release("ww5")
                assert texts(scene, watch) == [], "a person ended it, and was told by the button"
                await scene.clock.advance(3_600)
                assert texts(scene, watch) == []

    run(scenario())


def test_the_end_of_a_forced_resume(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            with notices(scene) as watch:
                await scene.bench.queue.circuit_breaker.force_close("ww5", "fixed", expires_in=3_600)
                assert texts(scene, watch) == []
                await scene.clock.advance(3_400)
                assert texts(scene, watch) == []
                await scene.clock.advance(300)
                assert texts(scene, watch) == [
                    "Zone ww5 protects itself again: the hour was up. Testing with 1 request."
                ]

    run(scenario())
