"""Every parameter of every route refuses what Python or Postgres cannot hold.

The parameters are those of the OpenAPI document, so this covers the routes of new features too.

Some routes look first for an object that their path or a header names. The module `valid_values`
in the tests of an option has `async def valid_values(client, headers)`, which returns its name.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from httpx import AsyncClient, Response

from app.extensions.users.models import Role
from app.main import app as api
from tests.support.people import SignIn

NUL = "a\0b"
# By format or type, as in JSON Schema.
UNSTORABLE: dict[str, list[Any]] = {
    "date-time": ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"],
    "date": ["0001-01-01", "9999-12-31"],
    "integer": [2**63, -(2**63) - 1],
    "number": ["1e999", "-1e999", "NaN"],
    "string": [NUL],
}


class Case(NamedTuple):
    """A value at one place of a request."""

    method: str
    path: str
    place: str  # path, query, header or body
    name: str
    value: Any

    async def send(
        self, client: AsyncClient, headers: dict[str, str], valid: dict[str, str]
    ) -> Response:
        """Send the request; what `valid` does not have in its path is an id."""
        values = {"path": {}, "query": {}, "header": {}, self.place: {self.name: self.value}}
        path = self.path
        for part in self.path.split("/"):
            if part.startswith("{"):
                given = {part[1:-1]: UUID(int=0)} | valid | values["path"]
                escaped = str(given[part[1:-1]]).replace("\0", "%00")
                path = path.replace(part, escaped)
        return await client.request(
            self.method,
            path,
            params=values["query"],
            headers=headers | valid | values["header"],
            json={self.name: self.value} if self.place == "body" else None,
        )


def cases() -> Iterator[Case]:
    document = api.openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for each in operation.get("parameters", []):
                for value in unstorable(document, each["schema"]):
                    yield Case(method, path, each["in"], each["name"], value)
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for name, schema in resolved(document, body.get("schema", {}))["properties"].items():
                for value in unstorable(document, schema):
                    yield Case(method, path, "body", name, value)


def unstorable(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[Any]:
    """Values for a schema that are right but for one value somewhere in them."""
    schema = resolved(document, schema)
    for variant in schema.get("anyOf", []):
        yield from unstorable(document, variant)
    match schema.get("type"):
        case "array":
            for value in unstorable(document, schema["items"]):
                yield [value]
        case "object":
            for name, inner in schema["properties"].items():
                for value in unstorable(document, inner):
                    yield {name: value}
            more = schema.get("additionalProperties")
            for value in unstorable(document, more) if isinstance(more, dict) else [NUL]:
                yield {"name": value}
            yield {NUL: "value"}
        case str() as kind:
            yield from UNSTORABLE.get(schema.get("format", kind), UNSTORABLE.get(kind, []))


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found = document["components"]["schemas"][name] if name else schema
    return {"properties": {}, **found}


async def valid_values(client: AsyncClient, headers: dict[str, str]) -> dict[str, str]:
    """Values of parameters in paths and headers, from the tests of the options."""
    root = Path(__file__).parents[3]
    found: dict[str, str] = {}
    for path in sorted(root.glob("tests/extensions/*/valid_values.py")):
        module = importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts))
        found |= await module.valid_values(client, headers)
    return found


def names(problem: dict[str, Any], case: Case) -> bool:
    """Whether a problem is about the value of the case."""
    wrong = [each["location"][:2] for each in problem.get("errors", [])]
    return problem["code"] == "nul_character" or [case.place, case.name] in wrong


@pytest.mark.parametrize("place", ["path", "query", "header", "body"])
async def test_each_is_refused_before_the_route_runs(
    client: AsyncClient, sign_in: SignIn, place: str
) -> None:
    admin = await sign_in(role=Role.ADMIN, aal="aal2")
    valid = await valid_values(client, admin.headers)
    accepted = []
    for case in cases():
        if case.place != place:
            continue
        answer = await case.send(client, admin.headers, valid)
        if not (answer.status_code == 422 and names(answer.json(), case)):
            accepted.append((answer.status_code, case))
    assert accepted == []
