"""The changes between two OpenAPI documents that break clients of the API.

A change breaks a client if a request that was accepted may be refused, or if an answer may lack or
contain what the client does not expect. So requests and answers are compared in opposite ways: a
new required field breaks requests, and a field that may be missing breaks answers.

Not reported: further values of an enum in an answer, and changes of error answers. A client has to
expect both. Operations that were marked as deprecated may be removed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

JsonObject = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class Direction(StrEnum):
    """Who writes a value: the client or the API."""

    REQUEST = "request"
    ANSWER = "answer"


# Keywords of a schema, and whether a value that satisfied the old argument (None: there was none)
# may violate the new one.
TIGHTER: dict[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(
        ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"),
        lambda old, new: old is None or new > old,
    ),
    **dict.fromkeys(
        ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"),
        lambda old, new: old is None or new < old,
    ),
    **dict.fromkeys(
        ("pattern", "format", "multipleOf", "uniqueItems", "const"), lambda old, new: old != new
    ),
    "enum": lambda old, new: old is None or bool(set(map(str, old)) - set(map(str, new))),
    "additionalProperties": lambda old, new: new is False and old is not False,
}


def breaking_changes(old: JsonObject, new: JsonObject) -> list[str]:
    """Name each change of `new` that breaks clients of `old`, in one sentence each."""
    return list(dict.fromkeys(Comparison(Document(old), Document(new)).operations()))


@dataclass(frozen=True)
class Document:
    """An OpenAPI document, whose references can be followed."""

    content: JsonObject

    def operation(self, path: str, method: str) -> JsonObject | None:
        """What the document says of a method of a path."""
        found: JsonObject | None = self.content.get("paths", {}).get(path, {}).get(method)
        return found

    def resolve(self, value: JsonObject) -> JsonObject:
        """The value that is meant by a reference such as `#/components/schemas/ItemRead`."""
        while "$ref" in value:
            target: Any = self.content
            for name in value["$ref"].removeprefix("#/").split("/"):
                target = target[name.replace("~1", "/").replace("~0", "~")]
            value = target
        return value

    def parameters(self, operation: JsonObject) -> dict[tuple[str, str], JsonObject]:
        """The parameters of an operation by place and name."""
        resolved = (self.resolve(parameter) for parameter in operation.get("parameters", ()))
        return {(parameter["in"], parameter["name"]): parameter for parameter in resolved}

    def variants(self, schema: JsonObject) -> dict[str, JsonObject]:
        """The schemas of which a value has to match one, by type. `any` is a schema without a type.

        Objects of several kinds are told apart by their titles.
        """
        found: list[tuple[str, JsonObject]] = list(self._variants(schema))
        kinds = [kind for kind, _ in found]
        return {
            f"{kind} {variant.get('title', '')}".strip() if kinds.count(kind) > 1 else kind: variant
            for kind, variant in found
        }

    def _variants(self, schema: JsonObject) -> Iterator[tuple[str, JsonObject]]:
        schema = self.resolve(schema)
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            for choice in choices:
                yield from self._variants(choice)
            return
        kinds = schema.get("type", "any")
        for kind in [kinds] if isinstance(kinds, str) else kinds:
            yield kind, schema


class Comparison:
    """Two documents, and what was already compared: a schema may contain itself."""

    def __init__(self, old: Document, new: Document) -> None:
        self.old, self.new = old, new
        self.open: list[tuple[int, int]] = []

    def operations(self) -> Iterator[str]:
        """Compare every operation of the old document."""
        for path, item in self.old.content.get("paths", {}).items():
            for method in METHODS:
                if not (before := item.get(method)):
                    continue
                name = f"{method.upper()} {path}"
                if after := self.new.operation(path, method):
                    yield from self.operation(before, after, name)
                elif not before.get("deprecated"):
                    yield f"{name}: was removed without being deprecated in a release before."

    def operation(self, old: JsonObject, new: JsonObject, name: str) -> Iterator[str]:
        """Compare what an operation takes and what it answers."""
        yield from self.parameters(old, new, name)
        before = self.old.resolve(old.get("requestBody", {}))
        after = self.new.resolve(new.get("requestBody", {}))
        if after.get("required") and not before.get("required"):
            yield f"{name}: the request requires a body."
        yield from self.content(before, after, f"{name}: the request", Direction.REQUEST)
        for status, answer in old.get("responses", {}).items():
            if not status.startswith("2"):
                continue
            if status not in new.get("responses", {}):
                yield f"{name}: no longer answers with the status {status}."
                continue
            yield from self.content(
                self.old.resolve(answer),
                self.new.resolve(new["responses"][status]),
                f"{name}: the answer",
                Direction.ANSWER,
            )

    def parameters(self, old: JsonObject, new: JsonObject, name: str) -> Iterator[str]:
        """Compare the parameters of an operation."""
        before, after = self.old.parameters(old), self.new.parameters(new)
        for (place, key), parameter in after.items():
            if parameter.get("required") and not before.get((place, key), {}).get("required"):
                yield f"{name}: requires the {place} parameter `{key}`."
        for (place, key), parameter in before.items():
            where = f"{name}: the {place} parameter `{key}`"
            if (place, key) not in after:
                yield f"{where} was removed."
                continue
            schema = after[place, key].get("schema", {})
            yield from self.schema(parameter.get("schema", {}), schema, where, Direction.REQUEST)

    def content(
        self, old: JsonObject, new: JsonObject, where: str, direction: Direction
    ) -> Iterator[str]:
        """Compare the media types of a body, and their schemas."""
        for media, description in old.get("content", {}).items():
            if media not in new.get("content", {}):
                yield f"{where} is no longer possible as {media}."
                continue
            schema = new["content"][media].get("schema", {})
            yield from self.schema(description.get("schema", {}), schema, where, direction)

    def schema(
        self, old: JsonObject, new: JsonObject, where: str, direction: Direction
    ) -> Iterator[str]:
        """Compare two schemas."""
        before, after = self.old.variants(old), self.new.variants(new)
        values, accepted = (before, after) if direction is Direction.REQUEST else (after, before)
        if "any" not in accepted and (foreign := sorted(values.keys() - accepted.keys())):
            verb = "can no longer be" if direction is Direction.REQUEST else "may now be"
            yield f"{where} {verb} {' or '.join(foreign)}."
        for kind in before.keys() & after.keys():
            pair = id(before[kind]), id(after[kind])
            if pair not in self.open:
                self.open.append(pair)
                yield from self.variant(before[kind], after[kind], where, direction)
                self.open.pop()

    def variant(
        self, old: JsonObject, new: JsonObject, where: str, direction: Direction
    ) -> Iterator[str]:
        """Compare two schemas of the same type."""
        before, after = old.get("properties", {}), new.get("properties", {})
        required = set(old.get("required", ())), set(new.get("required", ()))
        if direction is Direction.REQUEST:
            for name in sorted(required[1] - required[0]):
                yield f"{where} requires the field `{name}`."
            for keyword, is_tighter in TIGHTER.items():
                if keyword in new and is_tighter(old.get(keyword), new[keyword]):
                    yield f"{where} is limited by {keyword} = {new[keyword]}."
        else:
            for name in sorted((required[0] - required[1]) & after.keys()):
                yield f"{where} may lack the field `{name}`."
        for name in before:
            if name not in after:
                yield f"{where} lost the field `{name}`."
            else:
                field = f"{where}, field `{name}`"
                yield from self.schema(before[name], after[name], field, direction)
        if "items" in old and "items" in new:
            yield from self.schema(old["items"], new["items"], f"{where}, entry", direction)
