"""Routes with limits: below a prefix, with a body, a websocket, a stream."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.sse import EventSourceResponse

from app.core.database import DatabaseSession
from app.extensions.limits.deps import limit

inner = APIRouter()


@inner.get("/named")
async def named(_: Annotated[None, limit("probe.named", "4 per 2 seconds")]) -> str:
    return "named"


@inner.get("/named/{key}")
async def same_name(key: str, _: Annotated[None, limit("probe.named")]) -> str:
    return key


@inner.get("/costly", dependencies=[limit("probe.costly", "5/minute", cost=2)])
async def costly() -> str:
    return "costly"


@inner.get("/closed")
async def closed(_: Annotated[None, limit("probe.closed", "2/minute", closed=True)]) -> str:
    return "closed"


@inner.post("/body")
async def with_body(
    body: dict[str, Any],
    session: DatabaseSession,
    _: Annotated[None, limit("probe.body", "1/minute")],
) -> int:
    await session.connection()
    return len(body)


@inner.get("/stream", response_class=EventSourceResponse)
async def stream(_: Annotated[None, limit("probe.stream", "1/minute")]) -> AsyncIterator[str]:
    yield "first"
    yield "second"


@inner.websocket("/socket")
async def socket(
    websocket: WebSocket, _: Annotated[None, limit("probe.socket", "1/minute")]
) -> None:
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


@inner.get("/default")
async def default() -> str:
    return "default"


def add_probe(app: FastAPI) -> FastAPI:
    """Add the routes, two routers deep."""
    outer = APIRouter()
    outer.include_router(inner, prefix="/inner")
    app.include_router(outer, prefix="/probe")
    return app
