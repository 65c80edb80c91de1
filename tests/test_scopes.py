"""Every route of the sample feature has a scope: it reads, or it writes.

The test of a project, `tests/extensions/api_keys/test_scopes.py`, lists the routes of the other
features. It leaves out the sample, which belongs to the team.
"""

import ast
from pathlib import Path

ITEMS = Path(__file__).parents[1] / "template/app/features/items"


def routes() -> dict[str, str]:
    """The method of each route by its function."""
    tree = ast.parse((ITEMS / "routes.py").read_text("utf-8"))
    return {
        node.name: decorator.func.attr
        for node in tree.body
        if isinstance(node, ast.AsyncFunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute)
    }


def test_the_sample() -> None:
    (assignment,) = (
        node
        for node in ast.parse((ITEMS / "scopes.py").read_text("utf-8")).body
        if isinstance(node, ast.Assign)
    )
    scopes = ast.literal_eval(assignment.value)
    found = {function: scope for scope, functions in scopes.items() for function in functions}
    expected = {
        function: "items:read" if method == "get" else "items:write"
        for function, method in routes().items()
    }
    assert len(expected) == 6
    assert found == expected
