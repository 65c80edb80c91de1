"""Asks pages of the admin site, and counts their statements; runs with the project's own Python.

Prints one line of JSON for each page: statements, and the median of milliseconds, with as many rows
as the services made (5,000), then with 100,000.
"""

import asyncio
import json
import os
import re
import statistics
import sys
import time
from typing import Any

import psycopg
from app.main import app
from devstack.supabase import LocalSupabase
from httpx import ASGITransport, AsyncClient
from services import FILL
from sqlalchemy import event

ROWS = 100_000
EMAIL, PASSWORD = "user1@example.com", "a long enough password"
PAGES = {
    "first": "",
    "tenth": "?page=10",
    "200th": "?page=200",
    "sorted by title": "?sortBy=title&sort=asc",
    "search": "?search=Item+12",
    "of one owner": f"?owner_id={EMAIL}",
    "of one day": "?created_at_from={day}&created_at_until={day}",
}


async def main(rounds: int) -> None:
    """Measure with few rows, then with many."""
    async with app.router.lifespan_context(app):
        statements: list[str] = []
        engine = app.state.database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
        transport = ASGITransport(app)
        async with AsyncClient(transport=transport, base_url="http://localhost") as client:
            with LocalSupabase(
                publishable_key=os.environ["SUPABASE_PUBLISHABLE_KEY"],
                secret_key=os.environ["SUPABASE_SECRET_KEY"],
            ) as supabase:
                await sign_in(client, supabase)
            few = await ask(client, statements, rounds)
            fill()
            many = await ask(client, statements, rounds)
    for name, one in few.items():
        other = many[name]
        print(
            json.dumps({"name": name, "statements": (one[0], other[0]), "ms": (one[1], other[1])})
        )


async def ask(
    client: AsyncClient, statements: list[str], rounds: int
) -> dict[str, tuple[int, float]]:
    """Statements and milliseconds of each page."""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    found = {}
    for name, query in PAGES.items():
        times = []
        for _ in range(rounds):
            statements.clear()
            started = time.perf_counter()
            answer = await client.get(f"/admin/item/list{query.format(day=day)}")
            times.append((time.perf_counter() - started) * 1000)
            assert answer.status_code == 200, answer.text
        found[name] = (len(statements), statistics.median(times))
    return found


async def sign_in(client: AsyncClient, supabase: LocalSupabase) -> None:
    """Make the first user admin and sign them in, at an Auth of this process."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        user: Any = supabase.auth.create_user(EMAIL, PASSWORD)
        connection.execute(
            "INSERT INTO app.users (id, email, role, status, created_at, updated_at)"
            " VALUES (%s, 'admin@example.com', 'admin', 'approved', now(), now())",
            (user.id,),
        )
    app.state.supabase.url = supabase.url
    keys, app.state.verifier.issuer = app.state.verifier.keys, supabase.issuer
    keys.url = f"{supabase.url}/auth/v1/.well-known/jwks.json"
    page = await client.get("/admin/login")
    found = re.search(r'name="csrf_token" value="(\w+)"', page.text)
    assert found
    fields = {"email": EMAIL, "password": PASSWORD, "csrf_token": found[1]}
    assert (await client.post("/admin/login", data=fields)).status_code == 303


def fill() -> None:
    """Bring the table up to 100,000 rows."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM app.items").fetchone()
        owner = connection.execute("SELECT id FROM app.users WHERE email = %s", (EMAIL,)).fetchone()
        assert row
        assert owner
        connection.execute(FILL, {"owner": owner[0], "count": ROWS - row[0]})
        connection.execute("VACUUM ANALYZE app.items")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
