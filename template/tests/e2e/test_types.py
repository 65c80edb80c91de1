"""Types from the API to the page: what is renamed in the API does not compile."""

import json
from pathlib import Path

import pytest

from devstack.node import find_node

pytestmark = pytest.mark.slow


def test_a_renamed_field_does_not_compile(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    node, document = find_node(), copy / "openapi.json"
    api = json.loads(document.read_text("utf-8"))
    user = api["components"]["schemas"]["UserRead"]
    user["properties"]["nickname"] = user["properties"].pop("display_name")
    user["required"].remove("display_name")
    document.write_text(json.dumps(api), "utf-8")
    assert node.run("run", "--silent", "client", cwd=copy) == 0
    assert node.run("run", "--silent", "types", cwd=copy) != 0
    assert "'display_name' does not exist on type 'UserRead'" in capfd.readouterr().out
