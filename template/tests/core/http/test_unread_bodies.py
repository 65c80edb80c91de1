"""Errors that are sent before a body has been received, over a socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from tests.core.conftest import Build

LIMIT = 2048
DECLARED = f"Content-Length: {10**9}\r\n\r\n"
CHUNKED = f"Transfer-Encoding: chunked\r\n\r\n{10 * LIMIT:x}\r\n"


@pytest.fixture
def api(build: Build) -> FastAPI:
    """An API with a route that reads a body."""
    api = build(MAX_BODY_BYTES=str(LIMIT))

    async def size(body: dict[str, Any]) -> int:
        return len(body)

    api.add_api_route("/size", size, methods=["POST"])
    return api


@pytest.mark.parametrize(
    ("request_line", "body", "status"),
    [
        ("POST /size", DECLARED, 413),
        ("POST /size", CHUNKED, 413),
        ("POST /nowhere", CHUNKED, 404),
        ("POST /api/v1/a?b=%00", DECLARED, 422),
    ],
)
async def test_an_error_that_leaves_a_body_unread_closes_the_connection(
    api: FastAPI, request_line: str, body: str, status: int
) -> None:
    async with served(api) as (reader, writer):
        head = f"{request_line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}{body}".encode() + b"x" * 2 * LIMIT)
        answer = await asyncio.wait_for(reader.read(), 10)  # until the server closes it
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nconnection: close\r\n" in answer


async def test_other_errors_keep_the_connection(api: FastAPI) -> None:
    async with served(api) as (reader, writer):
        for request, late, status in (
            (b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", b"", 404),
            (b"POST /size HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n[]", b"", 422),
            # A short body may arrive after the response.
            (b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n", b"[]", 404),
        ) * 2:
            writer.write(request)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            assert head.startswith(f"HTTP/1.1 {status} ".encode())
            assert b"connection:" not in head
            length = next(
                line for line in head.split(b"\r\n") if line.startswith(b"content-length")
            )
            await reader.readexactly(int(length.partition(b":")[2]))
            writer.write(late)


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to uvicorn, which serves the application."""
    server = uvicorn.Server(uvicorn.Config(app, http="httptools", lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        yield reader, writer
        writer.close()
        server.should_exit = True
        await serving
