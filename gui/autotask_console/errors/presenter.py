"""Turns errors into words and puts them where the person looks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from autotask_console.text import tr
from autotask_console.widgets.toast import Toasts
from autotask_queue import QueueError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """An error in words. `detail` is technical and redacted, for those who ask."""

    title: str
    message: str
    remedy: str
    detail: str = ""

    @property
    def sentence(self) -> str:
        """All of it in one breath, for a line under a control or a toast."""
        parts = (self.title.rstrip(".") + "." if self.title else "", self.message, self.remedy)
        return " ".join(p for p in parts if p)


def say(error: BaseException, what: str) -> Said:
    """The words for an error; `what` is what was being done, such as "cancel 3 requests"."""
    if isinstance(error, QueueError):
        return Said(title=tr(error.title), message=error.message, remedy=error.remedy, detail=error.code)
    if isinstance(error, OSError):
        return Said(
            title=tr("“{what}” did not work", what=what),
            message=tr("The system said: {reason}.", reason=error.strerror or str(error)),
            remedy=tr("Check the disk and the folder, then try again."),
            detail=type(error).__name__,
        )
    return Said(
        title=tr("“{what}” did not work", what=what),
        message=tr("The program met something it did not expect. Your requests are safe."),
        remedy=tr("Try again. A report was saved; it helps support."),
        detail=type(error).__name__,
    )


Report = Callable[[BaseException, str], None]
"""Hands a bug to `runtime.hooks`, which writes the report."""


class Presenter:
    """Says errors. Expected ones (`QueueError`) are said; anything else is a bug and reported too."""

    def __init__(self, toasts: Toasts, report: Report) -> None:
        self._toasts = toasts
        self._report = report

    def present(self, error: BaseException, what: str) -> None:
        """As a toast that stays until it is closed. Fits `Tasks(on_error=…)`."""
        self._toasts.error(self._known(error, what))

    def at(self, show: Callable[[str], None]) -> Callable[[BaseException, str], None]:
        """An `on_error` that says it at a control: `tasks.start(…, on_error=presenter.at(row.set_error))`."""

        def on_error(error: BaseException, what: str) -> None:
            show(self._known(error, what))

        return on_error

    def _known(self, error: BaseException, what: str) -> str:
        if not isinstance(error, QueueError | OSError):
            self._report(error, what)
        said = say(error, what)
        logger.info("%s: %s", what, said.detail)
        return said.sentence
