"""The scopes of routes: each feature lists its routes in a test, and each sample covers all.

A sample has no such test, because it belongs to the team as soon as it is rendered.
"""

import ast
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[1] / "template"
SAMPLES = sorted(TEMPLATE.glob("app/features/*/scopes.py"))


def routes(sample: Path) -> dict[str, str]:
    """The method of each route by its function."""
    tree = ast.parse((sample / "routes.py").read_text("utf-8"))
    return {
        node.name: decorator.func.attr
        for node in tree.body
        if isinstance(node, ast.AsyncFunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute)
    }


def test_features_with_scopes_list_their_routes_in_a_test() -> None:
    found = {path.parent.name for path in TEMPLATE.glob("app/extensions/*/scopes.py")}
    tested = {path.parent.name for path in TEMPLATE.glob("tests/extensions/*/test_scopes.py")}
    assert tested - {"api_keys"} == found


def test_there_are_two_samples() -> None:
    assert len(SAMPLES) == 2


@pytest.mark.parametrize("scopes", SAMPLES, ids=["of users", "of organizations"])
def test_every_route_of_the_sample_reads_or_writes(scopes: Path) -> None:
    (assignment,) = (
        node for node in ast.parse(scopes.read_text("utf-8")).body if isinstance(node, ast.Assign)
    )
    declared = ast.literal_eval(assignment.value)
    found = {function: scope for scope, functions in declared.items() for function in functions}
    expected = {
        function: "items:read" if method == "get" else "items:write"
        for function, method in routes(scopes.parent).items()
    }
    assert len(expected) == 6
    assert found == expected
