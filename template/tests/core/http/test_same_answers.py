"""Every route answers the same, to the byte, whether drivers or SQLAlchemy execute its statements.

The routes are those of the OpenAPI document, so this covers the routes of new features too. Each
request is sent on two ways: as the API serves it, and with statements that SQLAlchemy executes and
routes that FastAPI finds.
"""

import re
from typing import Any
from unittest.mock import patch

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import compiled
from app.core.http.exact_routes import ExactRoutes
from app.extensions.users.models import Role
from app.features.items.models import Item
from app.main import app as api
from tests.support.factories import RowFactory
from tests.support.people import SignIn
from tests.support.sample import belongings

# New ids, random endings of names, the time, and counters in Redis differ by their nature.
VOLATILE = re.compile(
    rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9-]{10}T[0-9:]{8}(?:\.\d+)?Z|\b[0-9a-f]{16,}\b"
    rb'|(?<=-)[a-z0-9]{8}(?=")'
)
COUNTERS = ("rate", "retry-after")
SAMPLES: dict[str, Any] = {
    "string": "ü%s'\"",
    "integer": 3,
    "number": 1.5,
    "boolean": True,
    "null": None,
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date-time": "2026-02-28T23:59:59+05:45",
    "email": "someone@example.com",
}


OPERATIONS = [
    (method, path)
    for path, methods in api.openapi()["paths"].items()
    for method in methods
    # Checks of health use several connections at once, and a test has one.
    if not path.startswith("/health")
]


def sample(schema: dict[str, Any]) -> Any:
    """A value of a JSON schema; it need not be valid, because errors are compared as well."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return sample(api.openapi()["components"]["schemas"][name])
    for choice in schema.get("anyOf", []) + schema.get("oneOf", []):
        return sample(choice)
    if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return values[0]
    kind = schema.get("type")
    if kind == "object":
        return {name: sample(each) for name, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema.get("items", {}))]
    return SAMPLES.get(schema.get("format", ""), SAMPLES.get(str(kind)))


@pytest.mark.parametrize(
    ("method", "path"), OPERATIONS, ids=[f"{method} {path}" for method, path in OPERATIONS]
)
async def test_both_ways_give_the_same_answer(
    app: FastAPI,
    client: AsyncClient,
    connection: AsyncConnection,
    session: AsyncSession,
    sign_in: SignIn,
    method: str,
    path: str,
) -> None:
    admin = await sign_in(role=Role.ADMIN, aal="aal2")
    row = RowFactory.create_factory(Item).build(**await belongings(session, admin.id))
    session.add(row)
    await session.commit()
    item = str(row.id)
    body = api.openapi()["paths"][path][method].get("requestBody", {}).get("content", {})
    content = sample(body["application/json"]["schema"]) if "application/json" in body else None

    async def send() -> Response:
        async with connection.begin_nested() as savepoint:
            answer = await client.request(
                method,
                re.sub(r"\{\w+\}", item, path),
                headers=admin.headers | {"X-Request-ID": "same-answers"},
                json=content,
            )
            await savepoint.rollback()
            return answer

    await send()  # fills caches
    fast = await send()
    routes = [route for route in app.router.routes if not isinstance(route, ExactRoutes)]
    with (
        patch.object(compiled, "compiled", return_value=None),
        patch("app.core.database.reader.compiled", return_value=None),
        patch.object(app.router, "routes", routes),
    ):
        slow = await send()
    assert summary(fast) == summary(slow)


def summary(answer: Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """What must not differ."""
    headers = [
        (name, "" if any(counter in name for counter in COUNTERS) else value)
        for name, value in answer.headers.items()
    ]
    return answer.status_code, headers, VOLATILE.sub(b"-", answer.content)
