"""A draft: everything a person put into the page, as one value that can be stored and brought back."""

from __future__ import annotations

from typing import Any

import msgspec

from autotask_console.pages.compose.documents import Document, value_of
from autotask_console.pages.compose.kinds import SPECS, Kind, Spec
from autotask_console.text import tr

DOCUMENT_KIND = "draft"
"""Under which the queue keeps drafts."""
NORMAL_PRIORITY = 5


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """One request being composed. Times are seconds since the epoch.

    `id` becomes the request's own id: adding a draft twice stores one request. `typed` are texts that are
    no values yet, by field ("next wednesday or so"); `json_text` is the JSON view's text while it is no
    document. `editing` is the stored request that is being changed, and `spec` how, where the kind does
    not say it. `shown` are fields added to the form.
    """

    id: str
    kind: Kind
    zone: str
    document: Document = {}
    typed: dict[str, str] = {}
    shown: tuple[str, ...] = ()
    json_text: str | None = None
    json_view: bool = False
    priority: int = NORMAL_PRIORITY
    send_after: float | None = None
    give_up_at: float | None = None
    editing: str | None = None
    other: Spec | None = None
    created_at: float = 0.0
    saved_at: float = 0.0

    @property
    def spec(self) -> Spec:
        return self.other or SPECS[self.kind]

    @property
    def content(self) -> tuple[object, ...]:
        """What makes it differ from another: everything a person entered, and not where they looked."""
        return (
            self.document, self.typed, self.json_text, self.priority, self.send_after, self.give_up_at,
        )  # fmt: skip


def title_of(draft: Draft) -> str:
    """One line for the list: "Create ticket: Printer down"."""
    words = next(
        (
            " ".join(str(text).split())
            for name in ("title", "description", "summaryNotes", "resolution")
            if (text := value_of(draft.document, name))
        ),
        "",
    )
    target = value_of(draft.document, draft.spec.target) if draft.spec.target else None
    if not words and target is not None:
        words = tr("ticket {number}", number=target)
    if not words and draft.typed:
        words = next(iter(draft.typed.values()))
    kind = tr("Changes") if draft.editing else draft.spec.title
    return f"{kind}: {words}" if words else kind


def encode(draft: Draft) -> Any:
    """As a JSON document for the queue file."""
    return msgspec.to_builtins(draft)


def decode(value: object) -> Draft | None:
    """The draft in a stored document; None if this version cannot read it (it stays where it is)."""
    try:
        return msgspec.convert(value, Draft)
    except msgspec.ValidationError:
        return None


def replace(draft: Draft, **fields: Any) -> Draft:
    """The draft with other values."""
    return msgspec.structs.replace(draft, **fields)
