"""An API that starts in no time: it names its release, and stores tasks as files."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ROOT = Path(os.environ["DEPLOY_TEST_ROOT"])
RELEASE, BROKEN = json.loads(Path("release.json").read_text())
if BROKEN == "api":
    raise SystemExit("Error: the API is broken.")


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer a request."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    path = scope["path"]
    if path == "/slow":
        await asyncio.sleep(0.5)
    if path.startswith("/tasks/"):
        (ROOT / "queue" / path.rpartition("/")[2]).touch()
    # After the switch, this release looks good for a moment only.
    served = (ROOT / "served").exists()
    ok = not (BROKEN == "later" and served and path == "/health/ready")
    content = {"release": RELEASE, "client": scope["client"], "scheme": scope["scheme"]}
    body = json.dumps(content if ok else {"checks": {"redis": {"ok": False, "detail": "down"}}})
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200 if ok else 503, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
    if BROKEN == "later" and path != "/health/ready":
        (ROOT / "served").touch()
