"""What an open development page is told, and how much waits for one that does not read."""

import json
from typing import Any

from devstack.devpage.live import MOST, Live


def told(event: str) -> tuple[str, Any]:
    name, data = event.strip().split("\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def test_a_page_that_does_not_read_begins_again() -> None:
    live = Live()
    events = live.events()
    assert told(await anext(events)) == ("hello", {})
    for number in range(MOST):
        live.tell("requests", {"id": str(number)})
        live.tell("requests", {"id": str(number), "status": 200})
    name, changes = told(await anext(events))
    assert (name, len(changes)) == ("changes", MOST)
    assert changes[0] == ["requests", {"id": "0", "status": 200}]

    for number in range(2 * MOST):
        live.tell("requests", {"id": str(number)})
    (page,) = live._pages
    assert page.changes == {}
    assert told(await anext(events)) == ("hello", {})
    live.tell("requests", {"id": "after"})
    assert told(await anext(events)) == ("changes", [["requests", {"id": "after"}]])
    await events.aclose()
