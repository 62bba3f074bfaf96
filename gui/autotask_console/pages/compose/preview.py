"""What will be sent, exactly: method, address, body; and the same as a cURL command without secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout

from autotask_console.pages.compose.draft import Draft
from autotask_console.pages.compose.kinds import UNCHOSEN_TARGET, endpoint_of
from autotask_console.platform.fonts import monospace
from autotask_console.text import tr
from autotask_console.widgets.button import Button
from autotask_console.widgets.json_view import JsonView
from autotask_console.widgets.label import heading, small
from autotask_console.widgets.panel import Panel
from autotask_queue import Effect, InvalidRequest, Request, RequestId, Status, ZoneConfig, as_curl
from autotask_queue.autotask import Preview as Resolved
from autotask_queue.autotask import resolve

PLACEHOLDER = "0"
"""Stands in the address while no ticket is chosen; shown as an ellipsis."""


class Preview(Panel):
    """Shows a draft as it would go out now. `copy(text)` when the cURL command is wanted."""

    copy = Signal(str)

    def __init__(self, zones: Callable[[], Mapping[str, ZoneConfig]]) -> None:
        super().__init__()
        self.setObjectName("compose.preview")
        self._zones = zones
        self._draft: Draft | None = None
        self._address = QLabel()
        self._address.setObjectName("compose.preview.address")
        self._address.setFont(monospace(self.font()))
        self._address.setWordWrap(True)
        self._address.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._body = JsonView(name="compose.preview.body")
        self._body.setAccessibleName(tr("What will be sent, as JSON"))
        self._button = Button(tr("Copy as cURL"), name="compose.preview.copy")
        self._button.clicked.connect(self._copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(6)
        column.addWidget(heading(tr("What will be sent"), factor=1.0))
        column.addWidget(self._address)
        column.addWidget(self._body, 1)
        row = QHBoxLayout()
        row.addWidget(self._button)
        row.addWidget(small(tr("secrets hidden")))
        row.addStretch(1)
        column.addLayout(row)

    @property
    def address(self) -> str:
        """Method and address as shown."""
        return self._address.text().replace("\N{ZERO WIDTH SPACE}", "")

    @property
    def body(self) -> str:
        return self._body.toPlainText()

    def show_draft(self, draft: Draft) -> None:
        self._draft = draft
        resolved = self._resolve(draft)
        url = resolved.url
        if _without_target(draft):
            url = url.replace(f"/{PLACEHOLDER}/", f"/{UNCHOSEN_TARGET}/")
        # Places where a long address may break.
        shown = url.replace("/", "/\N{ZERO WIDTH SPACE}")
        self._address.setText(f"{resolved.method} {shown}")
        self._address.setAccessibleName(f"{resolved.method} {url}")
        body = draft.document if _without_target(draft) else resolved.body
        if body is None:
            self._body.show_text("")
        else:
            self._body.show_document(body)

    def _resolve(self, draft: Draft) -> Resolved:
        endpoint, zone = _endpoint(draft), self._zones().get(draft.zone)
        body = draft.document or None
        try:
            return resolve(endpoint, draft.spec.method, body, zone=zone)
        except InvalidRequest:
            # Not complete yet: the address alone, and the document as it stands.
            try:
                bare = resolve(endpoint, "GET", zone=zone)
                url = bare.url.removesuffix("/query")
            except InvalidRequest:
                url = endpoint
            return Resolved(method=draft.spec.method, url=url, body=draft.document)

    def _copy(self) -> None:
        if self._draft is not None:
            self.copy.emit(self.curl)

    @property
    def curl(self) -> str:
        """The command; empty if it cannot be made yet."""
        draft = self._draft
        if draft is None:
            return ""
        zone = self._zones().get(draft.zone, ZoneConfig())
        try:
            return as_curl(_as_request(draft), zone)
        except InvalidRequest:
            return ""


def _without_target(draft: Draft) -> bool:
    return UNCHOSEN_TARGET in endpoint_of(draft.spec, draft.document)


def _endpoint(draft: Draft) -> str:
    return endpoint_of(draft.spec, draft.document).replace(UNCHOSEN_TARGET, PLACEHOLDER)


def _as_request(draft: Draft) -> Request:
    """The draft in the form that `as_curl` takes; only address, method and body matter there."""
    return Request(
        seq=0,
        id=RequestId(draft.id),
        status=Status.PENDING,
        zone=draft.zone,
        endpoint=_endpoint(draft),
        method=draft.spec.method,
        effect=Effect.WRITE,
        entity="",
        priority=draft.priority,
        summary="",
        created_at=draft.created_at,
        updated_at=draft.created_at,
        data=draft.document or None,
    )
