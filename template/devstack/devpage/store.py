"""What the page shows: the last requests and tasks, grouped from the records of all processes."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

KEPT = 1000  # requests, and runs of tasks
KEPT_OF_CORE = 100  # runs of core's own tasks, which start every few seconds
ITEMS = 1000  # statements, commands, lines … of one request or run
DEEPEST = 20  # tasks below each other in the details of the first one
REPEATED = 5  # as often the same statement is N+1
NOT_COUNTED = ("COMMIT", "ROLLBACK")

Json = dict[str, Any]


class Entry:
    """One request or one run of a task, with what it did."""

    def __init__(self, summary: Json) -> None:
        self.summary: Json = {
            **summary,
            "sql": 0,
            "sql_ms": 0.0,
            "repeated": 0,
            "redis": 0,
            "logs": 0,
            "worst": "",
            "tasks": 0,
            "mails": 0,
            "error": "",
        }
        self.items: list[Json] = []
        self.left_out = 0
        self._statements: Counter[str] = Counter()

    def add(self, item: Json) -> None:
        """Add what it did."""
        summary, kind = self.summary, item["kind"]
        match kind:
            case "sql" if item.get("sql") not in NOT_COUNTED:
                statement = str(item.get("sql"))
                self._statements[statement] += 1
                summary["sql"] += 1
                summary["sql_ms"] = round(summary["sql_ms"] + (item.get("ms") or 0), 2)
                summary["repeated"] = max(summary["repeated"], self._statements[statement])
            case "redis":
                summary["redis"] += 1
            case "mail":
                summary["mails"] += 1
            case "log":
                summary["logs"] += 1
                levels = ("", "debug", "info", "warning", "error", "critical")
                summary["worst"] = max(summary["worst"], str(item.get("level")), key=_rank(levels))
            case "error":
                summary["error"] = str(item.get("type"))
                summary["place"] = str(item.get("place"))
        if len(self.items) < ITEMS:
            self.items.append(item)
        else:
            self.left_out += 1

    def details(self) -> Json:
        """Return everything, with the statements that are repeated marked."""
        items = [
            {**item, "times": self._statements[str(item.get("sql"))]}
            if item["kind"] == "sql"
            else item
            for item in self.items
        ]
        return {**self.summary, "items": items, "left_out": self.left_out}


class Store:
    """The last requests, tasks and facts.

    Args:
        tell: gets `(kind, summary)` of everything that changes.
        warn: gets a sentence about a request or run, and its address without the host.
        slow: milliseconds from which a request is slow.
    """

    def __init__(
        self,
        tell: Callable[[str, Json], None],
        warn: Callable[[str, str], None],
        slow: float,
    ) -> None:
        self._tell, self._warn, self.slow = tell, warn, slow
        self._entries: dict[str, Entry] = {}
        self._requests: deque[str] = deque()
        self._runs: deque[str] = deque()
        self._core_runs: deque[str] = deque()
        # A task is known before it runs, and runs once or more.
        self._tasks: dict[str, Json] = {}
        self.facts: Json = {}
        # When beat last sent the task of a schedule, by the name of the schedule.
        self.sent: dict[str, float] = {}

    def add(self, records: list[Json]) -> None:
        """Take records of a process; those of a request that is not known any more are dropped."""
        changed: dict[str, tuple[str, Json]] = {}
        for record in records:
            for kind, summary in self._add(record):
                changed[f"{kind} {summary['id']}"] = (kind, summary)
        for kind, summary in changed.values():
            self._tell(kind, summary)

    def _add(self, record: Json) -> list[tuple[str, Json]]:
        kind = record.get("kind")
        if kind == "facts":
            self.facts = record
            return [("facts", {"id": ""})]
        if kind == "task":
            return self._add_task(record)
        identity = str(record.get("entry"))
        if kind == "request":
            self._start(identity, record, "requests")
        elif kind == "run":
            return self._start_run(identity, record)
        entry = self._entries.get(identity)
        if entry is None:
            return []
        if kind == "response":
            entry.summary |= _without(record, "kind", "at", "entry")
            self._check(entry)
        elif kind == "ran":
            return self._end_run(entry, record)
        elif kind != "request":
            entry.add(_without(record, "entry"))
        return [(entry.summary["of"], entry.summary)]

    def _start(self, identity: str, record: Json, of: str) -> Entry:
        entry = Entry({**_without(record, "kind", "entry"), "id": identity, "of": of})
        self._entries[identity] = entry
        if of == "requests":
            order, most = self._requests, KEPT
        elif is_core(record):
            order, most = self._core_runs, KEPT_OF_CORE
        else:
            order, most = self._runs, KEPT
        order.append(identity)
        while len(order) > most:
            self._drop(order.popleft())
        return entry

    def _drop(self, identity: str) -> None:
        entry = self._entries.pop(identity, None)
        task = self._tasks.get(entry.summary.get("task_id", "")) if entry else None
        if task and identity in task["runs"]:
            task["runs"].remove(identity)

    def _add_task(self, record: Json) -> list[tuple[str, Json]]:
        identity, parent = str(record["task_id"]), record.get("parent")
        if schedule := record.get("schedule"):
            self.sent[str(schedule)] = record["at"]
        is_new = identity not in self._tasks
        task = self._task(identity, record)
        if task["state"] in ("pending", "sent") and not task["runs"]:
            task["state"] = record["state"]
        task["due"] = record.get("due") or task.get("due")
        changed = [("tasks", task)]
        if is_new and parent in self._entries:
            changed.append(self._count(parent))
        return changed

    def _count(self, parent: str) -> tuple[str, Json]:
        entry = self._entries[parent]
        entry.summary["tasks"] += 1
        return entry.summary["of"], entry.summary

    def _task(self, identity: str, record: Json) -> Json:
        if identity not in self._tasks:
            self._tasks[identity] = {
                "id": identity,
                "name": record["name"],
                "state": record.get("state", "pending"),
                "at": record["at"],
                "ms": None,
                "parent": record.get("parent"),
                "runs": [],
                "attempts": 0,
                "error": "",
            }
            self._forget_tasks(core=is_core(record))
        return self._tasks[identity]

    def _forget_tasks(self, *, core: bool) -> None:
        most = KEPT_OF_CORE if core else KEPT
        same = [key for key, each in self._tasks.items() if is_core(each) is core]
        for key in same[: max(0, len(same) - most)]:
            del self._tasks[key]

    def _start_run(self, identity: str, record: Json) -> list[tuple[str, Json]]:
        is_new = record["task_id"] not in self._tasks
        task = self._task(record["task_id"], record)
        self._start(identity, record, "runs")
        task["runs"].append(identity)
        task["attempts"] += 1
        task["state"] = "started"
        changed = [("tasks", task)]
        if is_new and record.get("parent") in self._entries:
            changed.append(self._count(record["parent"]))
        return changed

    def _end_run(self, entry: Entry, record: Json) -> list[tuple[str, Json]]:
        entry.summary |= {"state": record["state"], "ms": record["ms"]}
        self._check(entry)
        task = self._tasks.get(entry.summary["task_id"])
        if task is None:
            return []
        task |= {
            "state": record["state"],
            "ms": record["ms"],
            "error": entry.summary["error"],
            "repeated": entry.summary["repeated"],
        }
        return [("tasks", task)]

    def _check(self, entry: Entry) -> None:
        """Say in one line what a developer should look at."""
        summary = entry.summary
        is_request = summary["of"] == "requests"
        found = []
        if is_request and summary["ms"] >= self.slow:
            found.append(f"slow ({summary['ms']:.0f} ms)")
        if summary["repeated"] >= REPEATED:
            found.append(f"N+1 (one statement {summary['repeated']} times)")
        if is_request and summary["status"] >= 500:
            found.append(f"status {summary['status']}")
        if found:
            what = f"{summary['method']} {summary['path']}" if is_request else summary["name"]
            shown = summary["request_id"] if is_request else summary["task_id"]
            self._warn(f"{what}: {', '.join(found)}", address(summary["of"], shown))

    def requests(self) -> list[Json]:
        """Return the requests, newest first."""
        return [self._entries[each].summary for each in reversed(self._requests)]

    def tasks(self) -> list[Json]:
        """Return the tasks, newest first."""
        return sorted(self._tasks.values(), key=lambda task: task["at"], reverse=True)

    def request(self, shown: str) -> Json | None:
        """Return the last request with an id, or of which it is the end, and all that followed."""
        for identity in reversed(self._requests):
            summary = self._entries[identity].summary
            if identity == shown or str(summary["request_id"]).endswith(shown):
                return self._with_tasks(identity, _Below(self._tasks.values()))
        return None

    def task(self, shown: str) -> Json | None:
        """Return the last task with an id, or of which it is the end, and all that followed."""
        for task in reversed(self._tasks.values()):
            if task["id"].endswith(shown):
                return self._task_details(task, _Below(self._tasks.values()))
        return None

    def _with_tasks(self, identity: str, below: "_Below", depth: int = 0) -> Json:
        below.seen.add(identity)
        children = below.children[identity]
        is_shown = depth < DEEPEST
        return {
            **self._entries[identity].details(),
            "followed": [self._task_details(task, below, depth) for task in children if is_shown],
            # Tasks that are shown in the details of this one only.
            "deeper": 0 if is_shown else len(children),
        }

    def _task_details(self, task: Json, below: "_Below", depth: int = 0) -> Json:
        runs = [each for each in task["runs"] if each in self._entries and each not in below.seen]
        parent = self._entries.get(task["parent"] or "")
        return {
            **task,
            "origin": _without(parent.summary) if parent else None,
            "runs": [self._with_tasks(each, below, depth + 1) for each in runs],
        }

    def clear(self) -> None:
        """Forget requests and tasks."""
        for each in (self._entries, self._requests, self._runs, self._core_runs, self._tasks):
            each.clear()


class _Below:
    """The tasks by the entry that enqueued them, and the entries that the details contain."""

    def __init__(self, tasks: Iterable[Json]) -> None:
        self.seen: set[str] = set()
        self.children: defaultdict[str, list[Json]] = defaultdict(list)
        for task in sorted(tasks, key=lambda task: task["at"]):
            self.children[task["parent"] or ""].append(task)


def is_core(record: Mapping[str, Any]) -> bool:
    """Return whether a task is one of core's own, which start every few seconds."""
    return str(record.get("name")).startswith("core.")


def address(of: str, shown: str) -> str:
    """Return the path of a request or task on the page."""
    return f"/requests/{shown}" if of == "requests" else f"/tasks/{shown}"


def _rank(levels: tuple[str, ...]) -> Callable[[str], int]:
    return lambda level: levels.index(level) if level in levels else 0


def _without(record: Mapping[str, Any], *names: str) -> Json:
    return {name: value for name, value in record.items() if name not in names}
