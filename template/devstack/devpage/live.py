"""Passes changes on to every open page, as server-sent events."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

PAUSE = 0.1  # seconds in which changes are collected
MOST = 2000  # changes that wait for a page; with more of them, it reads everything anew
SILENCE = 15.0  # seconds after which a comment shows that the connection lives


class Live:
    """The open pages. Several changes of one entry become one."""

    def __init__(self) -> None:
        self._pages: set[_Page] = set()
        self._closed = False

    def tell(self, kind: str, summary: dict[str, Any]) -> None:
        """Send a change to every page."""
        for page in self._pages:
            page.add(kind, summary)

    def tell_to_read_anew(self) -> None:
        """Let every page read everything again."""
        for page in self._pages:
            page.read_anew()

    def close(self) -> None:
        """End every stream: the server waits for them when it stops."""
        self._closed = True
        for page in self._pages:
            page.wake.set()

    async def events(self) -> AsyncGenerator[str]:
        """Yield the events for a page that opens now."""
        page = _Page()
        self._pages.add(page)
        try:
            yield _event("hello", {})
            while not self._closed:
                try:
                    await asyncio.wait_for(page.wake.wait(), SILENCE)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                await asyncio.sleep(PAUSE)
                page.wake.clear()
                changes, page.changes = page.changes, {}
                if page.reads_anew:
                    page.reads_anew = False
                    yield _event("hello", {})
                elif changes:
                    yield _event("changes", [[kind, each] for (kind, _), each in changes.items()])
        finally:
            self._pages.discard(page)


class _Page:
    """What waits for an open page. One that does not read has its limit."""

    def __init__(self) -> None:
        self.changes: dict[tuple[str, str], dict[str, Any]] = {}
        self.reads_anew = False
        self.wake = asyncio.Event()

    def add(self, kind: str, summary: dict[str, Any]) -> None:
        """Add a change, unless the page will read everything anyway."""
        if self.reads_anew:
            return
        self.changes[kind, summary["id"]] = summary
        if len(self.changes) > MOST:
            self.read_anew()
        self.wake.set()

    def read_anew(self) -> None:
        """Replace all changes by the event after which the page reads everything."""
        self.changes.clear()
        self.reads_anew = True
        self.wake.set()


def _event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
