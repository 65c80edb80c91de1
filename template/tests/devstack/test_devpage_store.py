"""What the development page keeps, and how much of it the details of one entry contain."""

from typing import Any

from devstack.devpage.store import DEEPEST, KEPT, KEPT_OF_CORE, Store


def record(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "at": 1.0, **fields}


def request_of(number: int) -> list[dict[str, Any]]:
    entry = f"e{number}"
    return [
        record("request", entry=entry, request_id=f"id-{number:06}", method="GET", path="/"),
        record("sql", entry=entry, sql="SELECT 1", ms=1.0),
        record("response", entry=entry, status=200, ms=float(number)),
    ]


def test_the_last_thousand_requests_are_kept() -> None:
    warned: list[str] = []
    store = Store(lambda *_: None, lambda *words: warned.append(" ".join(words)), slow=1001.0)
    for number in range(KEPT + 3):
        store.add(request_of(number))
        task = {"task_id": f"t{number}", "name": "core.sweep"}
        store.add([record("run", entry=f"r{number}", **task)])
        store.add([record("ran", entry=f"r{number}", state="success", ms=1.0)])
    kept = store.requests()
    assert (len(kept), kept[0]["request_id"], kept[-1]["id"]) == (KEPT, "id-001002", "e3")
    assert len(store.tasks()) == KEPT_OF_CORE
    assert store.request("id-000002") is None
    assert warned == [f"GET /: slow ({ms} ms) /requests/id-00{ms}" for ms in (1001, 1002)]
    # Late records of one that is gone.
    store.add([record("log", entry="e1", text="late")])


def test_a_chain_of_tasks_is_shown_in_parts() -> None:
    length = 300
    store = Store(lambda *_: None, lambda *_: None, slow=1000.0)
    store.add(request_of(0))
    for number in range(length):
        parent = f"r{number - 1}" if number else "e0"
        task = {"task_id": f"t{number}", "name": "chains.next", "parent": parent}
        store.add([record("run", entry=f"r{number}", **task)])
        store.add([record("ran", entry=f"r{number}", state="success", ms=1.0)])
    details = store.request("id-000000")
    assert details
    shown = names_below(details)
    assert shown == [f"t{number}" for number in range(DEEPEST)]
    # The last one says so, and its own address shows the next part.
    last = store.task(shown[-1])
    assert last
    (run,) = last["runs"]
    assert names_below(run) == [f"t{number}" for number in range(DEEPEST, 2 * DEEPEST - 1)]
    end = store.task(f"t{length - 1}")
    assert end
    assert end["runs"][0]["deeper"] == 0


def names_below(entry: dict[str, Any]) -> list[str]:
    """Follow the only task of each run, to the one with tasks that are not shown."""
    found = []
    while entry["followed"]:
        (task,) = entry["followed"]
        found.append(task["id"])
        (entry,) = task["runs"]
    assert entry["deeper"] == 1
    return found
