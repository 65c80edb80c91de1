"""The outbox of an API process: what requests committed is sent beside them, in batches."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.util import await_only, greenlet_spawn

from app.core.tasks import outbox


class Relay:
    """Sends messages while the event loop serves; use it as a context of the API's life."""

    def __init__(self) -> None:
        self._waiting: dict[Engine, list[UUID]] = {}
        self._woken = asyncio.Event()
        self._stopping = False

    async def __aenter__(self) -> "Relay":
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._work())
        self._before, outbox.deliver = outbox.deliver, self.deliver
        return self

    async def __aexit__(self, *_: object) -> None:
        outbox.deliver = self._before
        self._stopping = True
        self._woken.set()
        await self._task

    def deliver(self, engine: Engine, ids: Sequence[UUID]) -> None:
        """Take over records that were committed; from any thread."""
        self._loop.call_soon_threadsafe(self._add, engine, ids)

    def _add(self, engine: Engine, ids: Sequence[UUID]) -> None:
        self._waiting.setdefault(engine, []).extend(ids)
        self._woken.set()

    async def _work(self) -> None:
        while not self._stopping:
            await self._woken.wait()
            self._woken.clear()
            waiting, self._waiting = self._waiting, {}
            for engine, ids in waiting.items():
                await self._send(engine, ids)

    async def _send(self, engine: Engine, ids: list[UUID]) -> None:
        try:
            for start in range(0, len(ids), outbox.BATCH):
                batch = ids[start : start + outbox.BATCH]
                if engine.dialect.is_async:
                    await greenlet_spawn(outbox.relay, engine, batch, _publish_beside)
                else:
                    await asyncio.to_thread(outbox.relay, engine, batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, later commits must be sent
            outbox.wait_for_sweep(ids, error)


def _publish_beside(rows: Sequence[Any]) -> None:
    # Redis may be slow or gone: that must not stop the requests of this process.
    await_only(asyncio.to_thread(outbox.publish_all, rows))
