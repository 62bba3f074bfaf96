"""The pages, in the order of the rail. Each is imported when it is first visited.

The imports are spelled out so that PyInstaller finds them. Shortcuts keep their number for good:
3, 6 and 7 belong to Attention, Audit and Health.
"""

from __future__ import annotations

from autotask_console.pages.base import Page, Services
from autotask_console.window import PageSpec


def _queue(services: Services) -> Page:
    from autotask_console.pages.queue.page import create

    return create(services)


def _compose(services: Services) -> Page:
    from autotask_console.pages.compose.page import create

    return create(services)


def _breakers(services: Services) -> Page:
    from autotask_console.pages.breakers.page import create

    return create(services)


def _metrics(services: Services) -> Page:
    from autotask_console.pages.metrics.page import create

    return create(services)


def _sign_in(services: Services) -> Page:
    from autotask_console.pages.sign_in.page import create

    return create(services)


PAGES: tuple[PageSpec, ...] = (
    PageSpec(page_id="queue", title="Queue", group="Do", icon="queue", shortcut="Ctrl+1", create=_queue),
    PageSpec(
        page_id="compose", title="Compose", group="Do", icon="compose", shortcut="Ctrl+2", create=_compose
    ),
    PageSpec(
        page_id="breakers",
        title="Breakers",
        group="Watch",
        icon="breakers",
        shortcut="Ctrl+4",
        create=_breakers,
    ),
    PageSpec(
        page_id="metrics", title="Metrics", group="Watch", icon="metrics", shortcut="Ctrl+5", create=_metrics
    ),
    PageSpec(page_id="sign-in", title="Sign in", create=_sign_in),
)
