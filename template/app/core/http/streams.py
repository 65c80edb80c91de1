"""Responses that are sent in parts."""

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse  # noqa: TID251 - this is what to use instead
from starlette.types import Send


class Stream(StreamingResponse):
    """Sends the status when the first part is there, so that its error becomes a problem response.

    A later error cuts the stream off. So the first part must do what is likely to fail, such as the
    first read. (FastAPI sends server-sent events without this class: their routes do that in a
    dependency.)
    """

    async def stream_response(self, send: Send) -> None:
        """See Starlette."""
        parts = aiter(self.body_iterator)
        first = await anext(parts, b"")

        async def all_parts() -> AsyncIterator[str | bytes | memoryview]:
            yield first
            async for part in parts:
                yield part

        self.body_iterator = all_parts()
        await super().stream_response(send)
