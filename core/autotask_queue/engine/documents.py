"""Small JSON documents beside the requests: drafts, cached field lists, whatever a client keeps."""

from __future__ import annotations

from dataclasses import dataclass

from autotask_queue.engine.context import Context
from autotask_queue.model.request import JSON


@dataclass(frozen=True, slots=True)
class Documents:
    """A namespace (`kind`) and a key name a document, any JSON (`value`). Durable when a call returns."""

    ctx: Context

    async def put(self, kind: str, key: str, value: JSON) -> None:
        """Inserts or replaces."""
        await self.ctx.store.put_document(kind, key, value, at=self.ctx.clock.now())

    async def get(self, kind: str, key: str) -> JSON:
        """The document, or None."""
        return await self.ctx.store.get_document(kind, key)

    async def list(self, kind: str) -> dict[str, JSON]:
        """All of one kind, by key."""
        return await self.ctx.store.list_documents(kind)

    async def delete(self, kind: str, key: str) -> None:
        """Deletes it; nothing happens if there is none."""
        await self.ctx.store.delete_document(kind, key)
