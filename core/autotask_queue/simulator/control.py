"""`/_sim`: looking into the simulator and breaking it. No credentials; nothing here counts for a limit."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from autotask_queue.simulator.faults import Fault, FaultRequest


class Controlled(Protocol):
    """What is controlled here; `Simulator` is."""

    def state(self) -> dict[str, Any]: ...

    def faults(self) -> list[dict[str, object]]: ...

    def start_fault(self, request: FaultRequest) -> Fault: ...

    async def end_fault(self, id_: int) -> bool: ...

    async def end_faults(self) -> int: ...


def control(simulator: Controlled) -> Starlette:
    """The control routes as an ASGI application."""

    async def state(_: Request) -> Response:
        return _respond(simulator.state())

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            return _respond({"ended": await simulator.end_faults()})
        if request.method == "POST":
            return await _start(simulator, request)
        return _respond({"faults": simulator.faults()})

    async def fault(request: Request) -> Response:
        id_: int = request.path_params["id"]
        if request.method == "DELETE":
            if await simulator.end_fault(id_):
                return _respond({"ended": 1})
        else:
            for one in simulator.faults():
                if one["id"] == id_:
                    return _respond(one)
        return _respond({"error": f"There is no fault {id_}. GET /_sim/faults lists them."}, 404)

    return Starlette(
        routes=[
            Route("/_sim/state", state),
            Route("/_sim/faults", faults, methods=["GET", "POST", "DELETE"]),
            Route("/_sim/faults/{id:int}", fault, methods=["GET", "DELETE"]),
        ]
    )


async def _start(simulator: Controlled, request: Request) -> Response:
    try:
        wanted = msgspec.json.decode(await request.body(), type=FaultRequest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _respond({"error": f"This is no fault: {error}"}, 400)
    return _respond(simulator.start_fault(wanted).described())


def _respond(document: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status_code=status, media_type="application/json")
