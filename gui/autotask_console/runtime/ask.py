"""Ask a person without re-entering the loop: `dialog.exec()` inside a coroutine loses other tasks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDialog


async def ask(dialog: QDialog) -> int:
    """Opens `dialog` over its window and waits for its result (`QDialog.DialogCode`).

    If the waiting task is cancelled, the dialog is closed as rejected. The dialog is deleted
    afterwards, once the caller has read from it: deletion happens when control returns to Qt.
    """
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def finished(result: int) -> None:
        if not answer.done():
            answer.set_result(result)

    dialog.finished.connect(finished)
    dialog.open()
    try:
        return await answer
    finally:
        dialog.finished.disconnect(finished)
        if dialog.isVisible():
            dialog.reject()
        dialog.deleteLater()
