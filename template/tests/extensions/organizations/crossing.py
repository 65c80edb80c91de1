"""Looks for anything that crosses from one organization to another, through the API.

Two organizations, A and B, have rows in every table. People of A and somebody whom B has just
removed ask every route for what is B's. What must hold:

- With B's slug, every answer is the 404 of an organization that does not exist.
- An answer about an id or a word of B is that about an id or a word of nobody.
- No answer has a text of B, or an id of B that was not in the request.
- No request changes, adds or removes a row of B.
- What A reads is to the byte what A reads without B.

Each request is undone after its answer. The functions return what they found; empty is good.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import sqlalchemy as sa
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.database.models import metadata
from app.extensions.organizations.service import roles
from tests.extensions.organizations.calls import Call, Operation, operations
from tests.extensions.organizations.rows import KEY, Words, scoped_tables
from tests.support.people import Person
from tests.support.tenants import Tenant

NOBODY = uuid4()  # the id of no row


@dataclass(frozen=True)
class Data:
    """An organization with its people and rows."""

    tenant: Tenant
    words: Words
    ids: dict[str, list[UUID]]  # by table

    @property
    def all_ids(self) -> list[UUID]:
        """One id of each table, of a person and of the organization itself."""
        rows = [ids[0] for ids in self.ids.values() if ids]
        return [*rows, self.tenant.people["owner"].id, self.tenant.id]


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
        self._rows_before: list[str] = []
        self._changed = False

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
                    found += self._leaks(name, call, answer)
        return found

    async def members_of(self, a: Data, cursors: list[str]) -> list[str]:
        """Ask with A's slug, or where there is none, for rows of B."""
        found: list[str] = []
        for operation in self.operations:
            for name, person in a.tenant.people.items():
                for call in self._about_b(operation, a.tenant.slug, cursors):
                    answer = await self._undone(call, person)
                    found += self._leaks(name, call, answer)
                    about_nobody = self._about_nobody(call)
                    if about_nobody != call:
                        other = await self._undone(about_nobody, person)
                        if self._comparable(answer) != self._comparable(other):
                            found.append(self._told(name, call, "differs from one about nothing"))
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
        yield from operation.with_words(plain, self.b.words.known)
        yield from operation.with_cursors(plain, cursors)

    def _about_nobody(self, call: Call) -> Call:
        """The same request, with an id and a word that nothing has."""
        text = json.dumps([call.path, call.query, call.body])
        for each in self.b.all_ids:
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
        for each in self.b.all_ids:
            text = text.replace(str(each), str(NOBODY))
        return answer.status_code, text.replace(self.b.words.known, f"none{NOBODY.hex[:9]}")

    def _leaks(self, name: str, call: Call, answer: Response) -> Iterator[str]:
        if answer.status_code == 500:
            yield self._told(name, call, "fails")
        if self._changed:
            yield self._told(name, call, "changes a row")
        if self.b.words.secret in answer.text:
            yield self._told(name, call, "shows a text")
        ids = [str(each) for table in self.b.ids.values() for each in table]
        for each in (*ids, str(self.b.tenant.id), self.b.tenant.slug):
            if each in answer.text and not call.mentions(each):
                yield self._told(name, call, f"shows {each}")

    async def _rows(self) -> list[str]:
        """All rows of B, as text."""
        found: list[str] = []
        itself = metadata.tables[f"{metadata.schema}.organizations"]
        for key in (itself.c.id, *(table.c[KEY] for table in scoped_tables())):
            rows = sa.select(key.table).where(key == self.b.tenant.id)
            found += sorted(str(row) for row in await self.connection.execute(rows))
        return found

    async def _undone(self, call: Call, person: Person) -> Response:
        """Send a request and undo it; note whether it has changed a row of B meanwhile."""
        if not self._rows_before:
            self._rows_before = await self._rows()
        savepoint = await self.connection.begin_nested()
        answer = await call.send(self.client, person)
        self._changed = call.method != "GET" and await self._rows() != self._rows_before
        await savepoint.rollback()
        return answer

    def _told(self, name: str, call: Call, what: str) -> str:
        return f"{call.method} {call.path} {call.query} {call.body} as {name}: {what}"


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
