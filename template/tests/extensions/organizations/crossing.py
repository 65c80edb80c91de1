"""Looks for anything that crosses from one organization to another, through the API.

Two organizations, A and B, have rows in every table. People of A and somebody whom B has just
removed ask every route for what is B's. What must hold:

- With B's slug, every answer is the 404 of an organization that does not exist.
- An answer about an id or a word of B is that about an id or a word of nobody, with as many
  statements. So their times differ by no statement; the time itself is not compared.
- No answer has a text of B, or an id of B that was not in the request, also not inside of a cursor
  or of another encoded text.
- No address in an answer opens or replaces a file of B.
- No request changes, adds or removes a row of B, a file of B, or a key of B in Redis.
- What A reads is to the byte what A reads without B.

People of B have read everything and made what the API lets them make, so that answers in caches and
ids that no table of organizations has, such as those of keys, are looked for as well.

Each request is undone after its answer. The functions return what they found; empty is good.
"""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID, uuid4

import sqlalchemy as sa
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.database.models import metadata
from app.extensions.organizations.service import roles
from tests.extensions.organizations.calls import Call, Operation, operations
from tests.extensions.organizations.outside import Outside
from tests.extensions.organizations.rows import KEY, Words, scoped_tables
from tests.support.people import Person
from tests.support.statements import collected
from tests.support.tenants import Tenant

NOBODY = uuid4()  # the id of no row
API = "of the API"  # in place of the name of a table
ROWS = "a row"
UUIDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BASE64 = re.compile(r"[\w-]{16,}")


@dataclass(frozen=True)
class Data:
    """An organization with its people and rows."""

    tenant: Tenant
    words: Words
    ids: dict[str, list[UUID]]  # by table
    outside: Outside

    @property
    def all_ids(self) -> list[UUID]:
        """One id of each table, of a person and of the organization itself."""
        rows = [ids[0] for table, ids in self.ids.items() if ids and table != API]
        return [*rows, self.tenant.people["owner"].id, self.tenant.id]

    @property
    def secret_ids(self) -> list[str]:
        """Every id that only members may ever read."""
        ids = [str(each) for table in self.ids.values() for each in table]
        people = [str(each.id) for each in self.tenant.people.values()]
        return [*ids, *people, str(self.tenant.id), self.tenant.slug]


class Search:
    """Sends requests about B, and collects what crosses."""

    def __init__(
        self,
        api: FastAPI,
        client: AsyncClient,
        connection: AsyncConnection,
        b: Data,
        *,
        only: str = "",
    ) -> None:
        self.operations = operations(api, only)
        self.client, self.connection, self.b = client, connection, b
        self._before: dict[str, str] = {}
        self._changed: list[str] = []
        self._statements = 0
        self._answers: dict[tuple[str, UUID], tuple[tuple[int, str], int]] = {}

    async def strangers(self, people: dict[str, Person]) -> list[str]:
        """Ask with B's slug, as people who are no members."""
        found: list[str] = []
        for operation in filter(lambda each: each.is_scoped, self.operations):
            for name, person in people.items():
                for call in self._about_b(operation, self.b.tenant.slug, []):
                    answer = await self._undone(call, person)
                    code = answer.json().get("code") if answer.status_code == 404 else None
                    if code != "organization_not_found":
                        found.append(self._told(name, call, f"answers {answer.status_code}"))
                    found += await self._leaks(name, call, answer)
        return found

    async def members_of(self, a: Data, cursors: list[str]) -> list[str]:
        """Ask with A's slug, or where there is none, for rows of B."""
        found: list[str] = []
        for operation in self.operations:
            for name, person in a.tenant.people.items():
                for call in self._about_b(operation, a.tenant.slug, cursors):
                    answer = await self._undone(call, person)
                    found += await self._leaks(name, call, answer)
                    about_nobody, needed = self._about_nobody(call), self._statements
                    if about_nobody != call:
                        other, others = await self._once(about_nobody, person)
                        if self._comparable(answer) != other:
                            found.append(self._told(name, call, "differs from one about nothing"))
                        elif needed != others and await self._differ(call, person):
                            found.append(self._told(name, call, "runs other statements"))
        return found

    async def cursors(self) -> list[str]:
        """Collect the cursors that B's owner gets, with one row on a page."""
        found: list[str] = []
        for operation in self.operations:
            if operation.method == "GET" and "cursor" in operation.names("query"):
                call = operation.call(self.b.tenant.slug, {}, NOBODY)
                one = Call(call.method, call.path, {"limit": 1}, call.headers)
                answer = await self._undone(one, self.b.tenant.people["owner"])
                if answer.status_code == 200 and answer.json().get("next_cursor"):
                    found.append(answer.json()["next_cursor"])
        return found

    def _about_b(self, operation: Operation, slug: str, cursors: list[str]) -> Iterator[Call]:
        plain = operation.call(slug, {}, NOBODY)
        yield plain
        yield from operation.with_ids(slug, self.b.all_ids, NOBODY)
        for key in self.b.ids.get(API, ()):
            if names := operation.id_names():
                yield operation.call(slug, dict.fromkeys(names, key), NOBODY)
        for word in (self.b.words.known, self.b.outside.file):
            yield from operation.with_words(slug, word, NOBODY)
        yield from operation.with_cursors(plain, cursors)

    def _about_nobody(self, call: Call) -> Call:
        """The same request, with an id and a word that nothing has."""
        text = json.dumps([call.path, call.query, call.body])
        for each in (*self.b.all_ids, *self.b.ids.get(API, ())):
            text = text.replace(str(each), str(NOBODY))
        text = text.replace(self.b.words.known, f"none{NOBODY.hex[:9]}")
        path, query, body = json.loads(text)
        return Call(call.method, path, query, call.headers, body)

    def _comparable(self, answer: Response) -> tuple[int, str]:
        text = answer.text
        if answer.headers.get("content-type", "").endswith("json") and text:
            content = answer.json()
            if isinstance(content, dict):
                content.pop("request_id", None)
            text = json.dumps(content)
        if answer.is_success and answer.request.method != "GET":
            text = ""  # ids and times of what was made
        for each in (*self.b.all_ids, *self.b.ids.get(API, ())):
            text = text.replace(str(each), str(NOBODY))
        return answer.status_code, text.replace(self.b.words.known, f"none{NOBODY.hex[:9]}")

    async def _leaks(self, name: str, call: Call, answer: Response) -> list[str]:
        found = [f"changes {each}" for each in self._changed]
        if answer.status_code == 500:
            found.append("fails")
        text = decoded(f"{answer.text} {dict(answer.headers)}")
        if self.b.words.secret in text:
            found.append("shows a text")
        shown = [each for each in self.b.secret_ids if each in text and not call.mentions(each)]
        found += [f"shows {each}" for each in shown]
        found += [f"opens {each}" for each in await self.b.outside.opened_by(answer.text)]
        return [self._told(name, call, each) for each in found]

    async def _once(self, call: Call, person: Person) -> tuple[tuple[int, str], int]:
        """What `_comparable` makes of the answer, and the statements; asked once, as undone."""
        key = (repr(call), person.id)
        if key not in self._answers:
            answer = await self._undone(call, person)
            self._answers[key] = self._comparable(answer), self._statements
        return self._answers[key]

    async def _differ(self, call: Call, person: Person) -> bool:
        """Whether a request needs more or less statements than one about nothing, again.

        The first of two requests may have filled a cache.
        """
        counts = []
        for each in (call, self._about_nobody(call)):
            await self._undone(each, person)
            counts.append(self._statements)
        return counts[0] != counts[1]

    async def _state(self) -> dict[str, str]:
        """All rows of B, as text, and what it has outside of the database."""
        return {ROWS: await self._rows(), **self.b.outside.state()}

    async def _rows(self) -> str:
        itself = metadata.tables[f"{metadata.schema}.organizations"]
        parts = []
        for key in (itself.c.id, *(table.c[KEY] for table in scoped_tables())):
            text = sa.cast(sa.literal_column(key.table.name), sa.Text)
            rows = sa.func.array_agg(aggregate_order_by(text, text))
            parts.append(sa.select(rows).where(key == self.b.tenant.id).scalar_subquery())
        return str((await self.connection.execute(sa.select(*parts))).one())

    async def _undone(self, call: Call, person: Person) -> Response:
        """Send a request and undo it; note what of B it has changed, and its statements."""
        if not self._before:
            self._before = await self._state()
        savepoint = await self.connection.begin_nested()
        async with collected(self.connection) as statements:
            answer = await call.send(self.client, person)
        self._statements, self._changed = len(statements), []
        if call.method != "GET":
            now = await self._state()
            self._changed = sorted({name for name, _ in self._before.items() ^ now.items()})
            # What is outside of the database is not undone.
            self._before = now | {ROWS: self._before[ROWS]}
        await savepoint.rollback()
        return answer

    def _told(self, name: str, call: Call, what: str) -> str:
        return f"{call.method} {call.path} {call.query} {call.body} as {name}: {what}"


async def explore(api: FastAPI, client: AsyncClient, data: Data, *, only: str = "") -> None:
    """Let the owner make what the API makes, and read everything; add the ids that this shows."""
    mine = [each for each in operations(api, only) if each.is_scoped]
    owner, seen = data.tenant.people["owner"], ""
    for method in ("POST", "GET"):
        for operation in (each for each in mine if each.method == method):
            if not operation.names("path"):
                call = operation.call(data.tenant.slug, {}, NOBODY)
                seen += (await call.send(client, owner)).text
    known = {*data.secret_ids, str(NOBODY)}
    data.ids[API] = [UUID(each) for each in {*UUIDS.findall(seen)} - known]


def decoded(text: str) -> str:
    """A text, and what its parts in base64 mean, such as cursors and tokens of addresses."""
    found = [text]
    for part in BASE64.findall(text):
        with suppress(ValueError):
            padded = part + "=" * (-len(part) % 4)
            found.append(base64.urlsafe_b64decode(padded).decode(errors="ignore"))
    return " ".join(found)


async def views(
    api: FastAPI, client: AsyncClient, a: Data, *, only: str = ""
) -> dict[tuple[str, str], str]:
    """What the people of A read, by role and address, wherever two reads in a row are the same."""
    found = {}
    for operation in operations(api, only):
        if operation.method != "GET" or operation.path.startswith("/health"):
            continue
        plain = operation.call(a.tenant.slug, {}, NOBODY)
        for call in (plain, *operation.with_ids(a.tenant.slug, a.all_ids, NOBODY)):
            for role, person in a.tenant.people.items():
                first, second = [await call.send(client, person) for _ in range(2)]
                if first.is_success and first.text == second.text:
                    found[role, call.path] = first.text
    return found


def known_roles() -> list[str]:
    """All roles but that of the owner, whom each organization has."""
    return [role for role in roles.known() if role != roles.OWNER]
