"""Starts Postgres, Valkey and the local Supabase of a rendered project, migrated and filled.

Runs with the project's own Python and inside its folder. Prints one line of JSON when all is ready,
and stops everything when its standard input is closed.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
from devstack.postgres import Postgres
from devstack.supabase import LocalSupabase
from devstack.valkey import Valkey

USERS = 5
ITEMS_PER_USER = 1_000
FILL = """
INSERT INTO app.items (id, created_at, updated_at, owner_id, title, notes, done)
SELECT gen_random_uuid(), moment, moment, %(owner)s, 'Item ' || n,
       repeat('note ', n %% 20), n %% 3 = 0
FROM (SELECT n, now() - n * interval '1 minute' AS moment FROM generate_series(1, %(count)s) n)
"""
SIGN_UP = """
INSERT INTO app.users (id, email, role, status, created_at, updated_at)
VALUES (%s, %s, 'user', 'approved', now(), now())
"""


ITEMS_OF_USERS = """
SELECT 1 FROM information_schema.columns
WHERE table_schema = 'app' AND table_name = 'items' AND column_name = 'owner_id'
"""


def main() -> None:
    """Start, fill, report, wait."""
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        Postgres(Path(folder) / "postgres") as postgres,
        Valkey(Path(folder) / "valkey") as valkey,
        LocalSupabase() as supabase,
    ):
        environment = {
            # Nothing is read from a `.env`, and the log lines are those of a deployment.
            "ENVIRONMENT": "test",
            "LOG_FORMAT": "json",
            # With the option `limits`, requests are counted, and none is refused.
            "LIMITS_ENABLED": "true",
            "LIMITS_DEFAULT": "100000000/minute",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "SUPABASE_URL": supabase.url,
            "SUPABASE_PUBLISHABLE_KEY": supabase.publishable_key,
            "SUPABASE_SECRET_KEY": supabase.secret_key,
        }
        app = Path(sys.executable).with_name("app")
        subprocess.run([app, "db", "upgrade"], env=os.environ | environment, check=True, stdout=2)
        item = fill(postgres.url, supabase)
        tokens = [
            supabase.issue_token(f"user{number}@example.com", seconds=86_400) for number in (1, 2)
        ]
        given = {"environment": environment, "token": tokens[0], "writer": tokens[1], "item": item}
        print(json.dumps(given), flush=True)
        sys.stdin.read()


def fill(database: str, supabase: LocalSupabase) -> str:
    """Make some users with as many items each, so that a list has rows of others to pass over.

    Returns the id of an item of the first user; or nothing, if the items of this project belong to
    organizations: then there are none.
    """
    with psycopg.connect(database, autocommit=True) as connection:
        of_users = connection.execute(ITEMS_OF_USERS).fetchone()
        for number in range(1, USERS + 1):
            email = f"user{number}@example.com"
            owner = supabase.user(email).id
            connection.execute(SIGN_UP, (owner, email))
            if of_users:
                connection.execute(FILL, {"owner": owner, "count": ITEMS_PER_USER})
        connection.execute("VACUUM ANALYZE app.items")
        if not of_users:
            return ""
        owner = supabase.user("user1@example.com").id
        row = connection.execute(
            "SELECT id FROM app.items WHERE owner_id = %s", (owner,)
        ).fetchone()
        assert row
        return str(row[0])


if __name__ == "__main__":
    main()
