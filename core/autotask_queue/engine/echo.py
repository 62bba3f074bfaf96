"""A processor that answers with what it was asked: for examples and for tests of embedding programs."""

from __future__ import annotations

from autotask_queue.model.request import Reply, Request


class EchoProcessor:
    """Takes every request and replies with its own data."""

    async def process_request(self, request: Request) -> Reply:
        """Never fails."""
        return Reply(body={"endpoint": request.endpoint, "method": request.method, "data": request.data})

    def can_process(self, request: Request) -> bool:
        """Always true."""
        return True
