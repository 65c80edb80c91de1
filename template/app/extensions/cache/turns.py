"""Round trips that several callers share."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Reply = TypeVar("Reply")


class Turns(Generic[Reply]):
    """Asks the same question for everybody who waits.

    Nobody gets a reply to a question that was asked before they came: what has changed since then
    would be missing in it.
    """

    def __init__(self, question: Callable[[int], Awaitable[Reply]]) -> None:
        """The question gets the number of callers for whom it is asked."""
        self._question = question
        self._is_asking = False
        self._waiting: list[asyncio.Future[Reply]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self) -> Reply:
        """Return the reply, or raise what the question raises."""
        if not self._is_asking:
            return await self._ask(1)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return await future

    async def _ask(self, callers: int) -> Reply:
        self._is_asking = True
        try:
            return await self._question(callers)
        finally:
            self._is_asking = False
            if self._waiting:
                self._asking = asyncio.create_task(self._ask_for_waiting())

    async def _ask_for_waiting(self) -> None:
        waiting = [each for each in self._waiting if not each.done()]
        self._waiting = []
        if not waiting:
            return
        try:
            reply = await self._ask(len(waiting))
        except Exception as error:  # noqa: BLE001 - everyone who waits gets it
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
        else:
            for future in waiting:
                if not future.done():
                    future.set_result(reply)
