"""Form data with brackets, such as `items[0][price]=price_1&expand[]=customer`."""

import re
from collections.abc import Iterable
from typing import Any

KEY = re.compile(r"\[([^\[\]]*)\]")
# Their keys are names that the client chooses, so `metadata[1]` is no list.
MAPPINGS = ("metadata", "currency_options")
DEEPEST = 10


def decode(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the nested values of a form: mappings, lists and strings."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        head, _, _ = name.partition("[")
        _put(root, [head, *KEY.findall(name[len(head) :])][:DEEPEST], value)
    return {key: _with_lists(key, value) for key, value in root.items()}


def _put(node: dict[str, Any], path: list[str], value: str) -> None:
    for depth, part in enumerate(path):
        key = part or _index(node, path[depth + 1 :])
        if depth == len(path) - 1:
            node[key] = value
            return
        if not isinstance(node.get(key), dict):
            node[key] = {}
        node = node[key]


def _index(node: dict[str, Any], rest: list[str]) -> str:
    """Return the position for `[]`: the last element, if it does not have the next key yet."""
    last = str(len(node) - 1)
    if rest and rest[0] and isinstance(node.get(last), dict) and rest[0] not in node[last]:
        return last
    return str(len(node))


def _with_lists(name: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _with_lists(key, each) for key, each in value.items()}
    if name not in MAPPINGS and inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
