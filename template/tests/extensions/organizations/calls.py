"""Requests to every route, from the OpenAPI document: it has the routes of new features too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any
from urllib.parse import quote
from uuid import UUID

from fastapi import FastAPI
from httpx import AsyncClient, Response

from app.extensions.organizations.deps import HEADER
from tests.support.people import Person

SLUG = "organization"


@dataclass(frozen=True)
class Call:
    """A request without a sender."""

    method: str
    path: str
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None

    async def send(self, client: AsyncClient, person: Person) -> Response:
        """Send it as a person."""
        return await client.request(
            self.method,
            self.path,
            params=self.query,
            headers=self.headers | person.headers,
            json=self.body,
        )

    def mentions(self, text: str) -> bool:
        """Whether the request itself has a text, which a response may then repeat."""
        return text in f"{self.path} {self.query} {self.body}"


@dataclass(frozen=True)
class Operation:
    """A method of a path."""

    method: str
    path: str
    parameters: list[dict[str, Any]]
    body: dict[str, Any] | None  # the JSON schema of the body
    document: dict[str, Any] = field(repr=False)

    @property
    def is_scoped(self) -> bool:
        """Whether it works for one organization."""
        return any(each["name"] in (SLUG, HEADER) for each in self.parameters)

    def names(self, place: str, format_: str | None = None) -> list[str]:
        """Names of the parameters at a place, of a format of strings."""
        found = [each for each in self.parameters if each["in"] == place]
        return [
            each["name"]
            for each in found
            if each["name"] not in (SLUG, HEADER)
            for schema in [_variant(self.document, each["schema"])]
            if schema.get("type") == "string"
            and "enum" not in schema
            and schema.get("format") == format_
        ]

    def call(self, slug: str, ids: Mapping[str, UUID | str], spare: UUID) -> Call:
        """A valid request; `spare` stands where `ids` has no value for a name."""
        path, headers = self.path, {}
        for each in self.parameters:
            name = each["name"]
            if each["in"] == "path":
                value = slug if name == SLUG else _example(self.document, each["schema"], spare)
                text = quote(str(ids.get(name, value)), safe="")
                path = path.replace("{" + name + "}", text)
            elif name == HEADER:
                headers[name] = slug
        body = _example(self.document, self.body, spare) if self.body else None
        if isinstance(body, dict):
            body |= {
                name: [str(value)] if isinstance(body[name], list) else str(value)
                for name, value in ids.items()
                if name in body
            }
        query = {name: str(ids[name]) for name in self.names("query", "uuid") if name in ids}
        return Call(self.method, path, query, headers, body)

    def id_names(self) -> list[str]:
        """Names of the places that take an id: in the path, in the query and in the body."""
        body = _resolved(self.document, self.body or {}).get("properties", {})
        of_body = [
            name
            for name, schema in body.items()
            for variant in [_variant(self.document, schema)]
            if "uuid" in (variant.get("format"), variant.get("items", {}).get("format"))
        ]
        return [*self.names("path", "uuid"), *self.names("query", "uuid"), *of_body]

    def with_ids(self, slug: str, ids: list[UUID], spare: UUID) -> Iterator[Call]:
        """Requests with each of the ids at each place that takes one."""
        names = self.id_names()
        for chosen in product(ids, repeat=len(names)) if names else ():
            yield self.call(slug, dict(zip(names, chosen, strict=True)), spare)

    def with_words(self, slug: str, word: str, spare: UUID) -> Iterator[Call]:
        """Requests that ask for a word in each text of the path, of the query and of the body."""
        call = self.call(slug, {}, spare)
        for name in self.names("path"):
            yield self.call(slug, {name: word}, spare)
        for name in self.names("query"):
            if name != "cursor":
                yield replace(call, query=call.query | {name: word})
        if isinstance(call.body, dict):
            for name, value in call.body.items():
                if value == TEXT:
                    yield replace(call, body=call.body | {name: word})

    def with_cursors(self, call: Call, cursors: list[str]) -> Iterator[Call]:
        """Requests with each of the cursors, if the operation takes one."""
        for cursor in cursors if "cursor" in self.names("query") else ():
            yield replace(call, query=call.query | {"cursor": cursor})


def operations(api: FastAPI, only: str = "") -> list[Operation]:
    """Every operation of the API whose path starts with `only`, sorted by path."""
    document = api.openapi()
    found = []
    for path, methods in sorted(document["paths"].items()):
        if not path.startswith(only):
            continue
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            parameters = operation.get("parameters", [])
            found.append(Operation(method.upper(), path, parameters, schema, document))
    return found


TEXT = "something"


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema


def _variant(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, or the first of its variants that is not null."""
    schema = _resolved(document, schema)
    variants = [_resolved(document, each) for each in schema.get("anyOf", [])]
    return next((each for each in variants if each.get("type") != "null"), schema)


def _example(document: dict[str, Any], schema: dict[str, Any], spare: UUID) -> Any:
    """A value of a schema: what it requires, and all members of objects."""
    schema = _variant(document, schema)
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    if "const" in schema:
        return schema["const"]
    match schema.get("type"):
        case "object":
            members = schema.get("properties", {}).items()
            return {name: _example(document, each, spare) for name, each in members}
        case "array":
            return [_example(document, schema["items"], spare)] * schema.get("minItems", 0)
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
        case "string":
            formats = {
                "uuid": str(spare),
                "email": "somebody@example.com",
                "date": "2026-01-01",
                "date-time": "2026-01-01T00:00:00Z",
                "uri": "https://example.com",
            }
            text = schema.get("default") or TEXT
            return formats.get(schema.get("format", ""), str(text)[: schema.get("maxLength")])
    return None
