"""The bench itself: a request goes through it and the state follows."""

from pathlib import Path
from typing import Any

from tests.gui.harness import bench, until

from autotask_console.platform.theme import Theme
from autotask_console.state import Changes


def test_a_request_is_sent_and_the_state_follows(run: Any, theme: Theme, settings_file: Path) -> None:
    async def scenario() -> None:
        async with bench(theme, settings_file) as b:
            seen: list[Changes] = []
            b.store.changed.connect(seen.append)
            await b.queue.enqueue("/Tickets", "POST", "zone1", data={"title": "x"})
            await until(lambda: b.store.state.last_sent_at is not None)
            assert sum(c.added for c in seen) == 1
            assert b.errors == []

    run(scenario())
