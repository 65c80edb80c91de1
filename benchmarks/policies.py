"""Milliseconds of queries on 100,000 rows of 1,000 organizations, under several policies.

Runs with the Python of a project with the option `organizations`, and inside its folder.
"""

import json
import os
import statistics
from uuid import uuid4

import psycopg

ROWS, ORGANIZATIONS, MINE, ROUNDS = 100_000, 1_000, 3, 30
FUNCTION = "app.member_organizations()"
POLICIES = {
    "array, once for a statement": f"organization_id = ANY ((SELECT {FUNCTION})::uuid[])",
    "IN, a subquery": f"organization_id IN (SELECT unnest({FUNCTION}))",
    "a function of each row": "app.is_member(organization_id)",
}
FILL = """
INSERT INTO app.organizations (id, created_at, updated_at, slug, name)
SELECT gen_random_uuid(), now(), now(), 'o-' || n, 'O' FROM generate_series(1, %(organizations)s) n;
INSERT INTO app.users (id, email, role, status, created_at, updated_at)
SELECT gen_random_uuid(), 'u' || n, 'user', 'approved', now(), now() FROM generate_series(1, 100) n;
INSERT INTO app.organizations_members (organization_id, user_id, role, created_at)
SELECT o.id, u.id, 'member', now() FROM app.organizations o, app.users u
WHERE abs(hashtext(o.id::text || u.id::text)) %% 10 = 0;
INSERT INTO app.users (id, email, role, status, created_at, updated_at)
VALUES (%(user)s, 'me', 'user', 'approved', now(), now());
INSERT INTO app.organizations_members (organization_id, user_id, role, created_at)
SELECT id, %(user)s, 'member', now() FROM app.organizations ORDER BY slug LIMIT %(mine)s;
CREATE TABLE app.probes (
    id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES app.organizations,
    created_at timestamptz NOT NULL, title text NOT NULL
);
INSERT INTO app.probes
SELECT gen_random_uuid(), o.id, now() - n * interval '1 second', 'Title ' || n
FROM app.organizations o, generate_series(1, %(each)s) n;
CREATE INDEX ON app.probes (organization_id, created_at);
ALTER TABLE app.probes ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON app.probes TO authenticated;
CREATE FUNCTION app.is_member(uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = '' AS $$
    SELECT EXISTS (SELECT FROM app.organizations_members
                   WHERE organization_id = $1 AND user_id = auth.uid())
$$;
ANALYZE;
"""
NEWEST, ALL = "20 newest of one", "count all of mine"
QUERIES = {
    NEWEST: (
        "SELECT * FROM app.probes WHERE organization_id = %(one)s ORDER BY created_at DESC LIMIT 20"
    ),
    ALL: "SELECT count(*) FROM app.probes",
}


def main() -> None:
    """Fill the database, measure, and print a table."""
    user = uuid4()
    values = {
        "user": user,
        "organizations": ORGANIZATIONS,
        "mine": MINE,
        "each": ROWS // ORGANIZATIONS,
    }
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(FILL, values)
        found = cursor.execute("SELECT id FROM app.organizations ORDER BY slug LIMIT %s", (MINE,))
        mine = [row[0] for row in found]
        print("| policy | " + " | ".join(f"{name}, ms" for name in QUERIES) + " |")
        print("|---|" + "---:|" * len(QUERIES))
        named = (QUERIES[NEWEST], f"{QUERIES[ALL]} WHERE organization_id = ANY (%(mine)s)")
        measured = [time(connection, query, {"one": mine[0], "mine": mine}) for query in named]
        print("| none; the query names the organizations | " + " | ".join(measured) + " |")
        for name, condition in POLICIES.items():
            cursor.execute("DROP POLICY IF EXISTS members ON app.probes")
            cursor.execute(
                f"CREATE POLICY members ON app.probes TO authenticated USING ({condition})"
            )
            claims = json.dumps({"sub": str(user), "role": "authenticated"})
            measured = [
                time(connection, query, {"one": mine[0]}, claims) for query in QUERIES.values()
            ]
            print(f"| {name} | " + " | ".join(measured) + " |")


def time(
    connection: "psycopg.Connection[tuple[object, ...]]",
    query: str,
    values: dict[str, object],
    claims: str | None = None,
) -> str:
    """The median of the execution times that Postgres reports, with planning."""
    taken = []
    for _ in range(ROUNDS):
        with connection.transaction():
            cursor = psycopg.ClientCursor(connection)
            if claims:
                cursor.execute(
                    "SELECT set_config('request.jwt.claims', %s, true),"
                    " set_config('role', 'authenticated', true)",
                    (claims,),
                )
            plan = cursor.execute(f"EXPLAIN (ANALYZE, FORMAT json) {query}", values).fetchone()
            assert plan
            told = plan[0][0]  # type: ignore[index]
            taken.append(told["Planning Time"] + told["Execution Time"])
    return f"{statistics.median(taken):.2f}"


if __name__ == "__main__":
    main()
