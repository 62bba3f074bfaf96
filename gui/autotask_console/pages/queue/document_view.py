"""One tab of the details: a line about the document, buttons to copy it, and the document itself."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from autotask_console.text import tr
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.json_tree import JsonTree
from autotask_console.widgets.label import small
from autotask_queue import Request, Status


class DocumentView(QWidget):
    """`curl_wanted()` for "Copy as cURL", which only what is sent offers."""

    curl_wanted = Signal()

    def __init__(self, *, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._head = small()
        self._head.setObjectName(f"{name}.head")
        self._head.setWordWrap(True)
        self._head.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._head.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.copy = Button(tr("Copy"), kind=ButtonKind.QUIET, name=f"{name}.copy")
        self.copy.setAccessibleName(tr("Copy: {title}", title=title))
        self.copy.clicked.connect(self._copy)
        self.curl = Button(tr("Copy as cURL"), kind=ButtonKind.QUIET, name=f"{name}.curl")
        self.curl.clicked.connect(self.curl_wanted)
        self.curl.hide()
        self.document = JsonTree(name=f"{name}.json", title=title)
        self.setFocusProxy(self.document)
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self._head, 1)
        line.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self.curl, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        column.setSpacing(4)
        column.addLayout(line)
        column.addWidget(self.document, 1)
        column.addStretch(0)
        self.clear_document()

    @property
    def head(self) -> str:
        """The line above the document."""
        return self._head.text()

    def show_request(self, request: Request) -> None:
        """Method, address and body of what goes out."""
        self._show(f"{request.method} {request.endpoint}", request.data)
        self.curl.show()

    def show_reply(self, request: Request) -> None:
        """What the server said last, or why there is nothing."""
        reply, failure = request.reply, request.failure
        if reply is not None and request.status is Status.COMPLETED:
            words = [tr("Answer {code}", code=reply.status_code)]
            if reply.adopted:
                words = [tr("The reply was lost; the record was found by looking it up")]
            if reply.record_id is not None:
                words.append(tr("id {n}", n=reply.record_id))
            self._show(" · ".join(words), reply.body)
        elif failure is not None:
            code = f" ({failure.http_status})" if failure.http_status is not None else ""
            said = f"{failure.title}{code}. {failure.message}"
            self._show(said, {"detail": failure.detail} if failure.detail else None)
        else:
            self._show(tr("There is no reply yet."), None)

    def clear_document(self) -> None:
        """Nothing is known so far."""
        self._show("", None)
        self.curl.hide()

    def _show(self, head: str, document: Any) -> None:
        self._head.setText(head)
        self.document.setVisible(document is not None)
        self.copy.setVisible(document is not None)
        if document is not None:
            self.document.show_document(document)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.document.as_text())
