"""`/credits` over HTTP."""

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.credits.service import entries, holds, reports
from app.extensions.users.models import Role
from tests.support.people import Person, SignIn

PATH = "/api/v1/credits"


@pytest.fixture
async def person(sign_in: SignIn) -> Person:
    return await sign_in()


@pytest.fixture
async def admin(sign_in: SignIn) -> Person:
    return await sign_in(role=Role.ADMIN)


async def grant(
    client: AsyncClient, admin: Person, person: Person, key: str | None = None, **body: Any
) -> Any:
    headers = admin.headers | ({"Idempotency-Key": key} if key else {})
    body = {"amount": 5, "reason": "Thanks", **body}
    return await client.post(f"{PATH}/accounts/{person.id}/grant", json=body, headers=headers)


async def test_a_new_user_has_the_welcome_credits_and_the_allocation(
    client: AsyncClient, person: Person
) -> None:
    answer = await client.get(f"{PATH}/balance", headers=person.headers)
    assert answer.status_code == 200
    assert answer.json() == {
        "user_id": str(person.id), "tier": "free", "balance": 200, "held": 0, "allowance": 100,
        "charges_today": 0, "daily_charges": 100,
    }  # fmt: skip


async def test_a_grant_names_the_admin_and_counts_once(
    client: AsyncClient, person: Person, admin: Person
) -> None:
    first = await grant(client, admin, person, "order-7")
    assert first.status_code == 201
    assert first.json()["details"] == {"by": str(admin.id)}
    assert (await grant(client, admin, person, "order-7")).json() == first.json()
    other = await grant(client, admin, person, "order-7", amount=6)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    found = await client.get(f"{PATH}/accounts/{person.id}", headers=admin.headers)
    assert found.json()["balance"] == 205


async def test_a_correction_cannot_make_the_balance_negative(
    client: AsyncClient, person: Person, admin: Person
) -> None:
    path = f"{PATH}/accounts/{person.id}/adjust"

    async def adjust(amount: int) -> Any:
        body = {"amount": amount, "reason": "Abuse"}
        return await client.post(path, json=body, headers=admin.headers)

    assert (await adjust(-200)).json()["balance_after"] == 0
    refused = await adjust(-1)
    assert (refused.status_code, refused.json()["code"]) == (409, "balance_too_low")
    assert (await adjust(0)).status_code == 422
    assert (await adjust(3)).json()["balance_after"] == 3


@pytest.mark.parametrize(
    "body",
    [{"amount": 0}, {"amount": -5}, {"amount": 1.5}, {"amount": 10**16}, {"reason": ""},
     {"reason": "x" * 201}, {"amount": "five"}, {"more": 1}],
)  # fmt: skip
async def test_a_wrong_grant_is_refused(
    client: AsyncClient, person: Person, admin: Person, body: dict[str, Any]
) -> None:
    assert (await grant(client, admin, person, **body)).status_code == 422


async def test_other_users_are_refused(
    client: AsyncClient, person: Person, sign_in: SignIn
) -> None:
    other = await sign_in()
    account = f"{PATH}/accounts/{other.id}"
    for method, path in (
        ("GET", account),
        ("GET", f"{account}/transactions"),
        ("GET", f"{account}/holds"),
        ("POST", f"{account}/grant"),
        ("POST", f"{account}/adjust"),
        ("PUT", f"{account}/tier"),
        ("POST", f"{PATH}/holds/{uuid4()}/release"),
        ("POST", f"{PATH}/rates"),
        ("GET", f"{PATH}/rates/docs.embed"),
        ("PATCH", f"{PATH}/tiers/free"),
    ):
        body = {"amount": 1, "reason": "Me", "tier": "premium"}
        answer = await client.request(method, path, json=body, headers=person.headers)
        assert answer.status_code == 403, (method, path)
        assert (await client.request(method, path)).status_code == 401, (method, path)


async def test_an_unknown_user_has_no_account(client: AsyncClient, admin: Person) -> None:
    unknown = Person(uuid4(), "", {})
    assert (await grant(client, admin, unknown)).json()["code"] == "user_not_found"


async def test_entries_are_paged_and_filtered(
    client: AsyncClient, person: Person, session: AsyncSession
) -> None:
    for number in range(5):
        await session.run_sync(entries.grant, person.id, number + 1, f"Grant {number}")
    await session.commit()

    async def reasons(**query: Any) -> tuple[list[str], str | None]:
        answer = await client.get(f"{PATH}/transactions", params=query, headers=person.headers)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        return [entry["reason"] for entry in page["items"]], page["next_cursor"]

    everything: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        found, cursor = await reasons(limit=3, **({"cursor": cursor} if cursor else {}))
        everything += found
    assert everything == [*(f"Grant {n}" for n in (4, 3, 2, 1, 0)), "Monthly allocation", "Welcome"]
    assert await reasons(kind="deduction") == ([], None)
    assert await reasons(until="2020-01-01T00:00:00Z") == ([], None)
    assert len((await reasons(since="2020-01-01T00:00:00Z"))[0]) == 7
    refused = await client.get(
        f"{PATH}/transactions", params={"since": "2020-01-01T00:00:00"}, headers=person.headers
    )
    assert refused.status_code == 422


async def test_the_export_has_all_entries_and_no_formulas(
    client: AsyncClient, person: Person, session: AsyncSession
) -> None:
    for number in range(120):
        await session.run_sync(entries.grant, person.id, 1, f"Grant {number}")
    await session.run_sync(entries.adjust, person.id, -2, '=HYPERLINK("x"), "a"')
    await session.commit()
    answer = await client.get(f"{PATH}/transactions.csv", headers=person.headers)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 123
    assert (rows[0]["reason"], rows[0]["amount"]) == ('\'=HYPERLINK("x"), "a"', "-2")
    assert rows[-1]["reason"] == "Welcome"
    filtered = await client.get(
        f"{PATH}/transactions.csv", params={"kind": "adjustment"}, headers=person.headers
    )
    assert len(filtered.text.splitlines()) == 2


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("transactions?since=0001-01-01T00:00:00%2B23:59", "invalid_request"),
        ("transactions?until=9999-12-31T23:59:59.999999-23:59", "invalid_request"),
        ("transactions.csv?until=9999-12-31T23:59:59.999999-23:59", "invalid_request"),
        ("transactions.csv?operation=a%00b", "nul_character"),
        ("summary?until=9999-12-31", "invalid_request"),
        ("summary?until=0001-01-01", "invalid_request"),
    ],
)
async def test_what_cannot_be_stored_is_refused_before_a_response_starts(
    client: AsyncClient, person: Person, path: str, code: str
) -> None:
    refused = await client.get(f"{PATH}/{path}", headers=person.headers)
    assert (refused.status_code, refused.json()["code"]) == (422, code)


@pytest.mark.parametrize("day", ["0002-01-01", "9998-12-31"])
async def test_days_at_the_edge_are_summed_up(
    client: AsyncClient, person: Person, day: str
) -> None:
    answer = await client.get(f"{PATH}/summary?until={day}", headers=person.headers)
    assert (answer.status_code, answer.json()) == (200, [])


async def test_an_export_whose_first_row_fails_is_a_problem(
    client: AsyncClient, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(reports.TRANSACTIONS, "page", fail)
    answer = await client.get(f"{PATH}/transactions.csv", headers=person.headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")


async def test_a_summary_sums_entries_by_period(
    client: AsyncClient, person: Person, session: AsyncSession
) -> None:
    await session.run_sync(entries.grant, person.id, 5, "Thanks")
    await session.run_sync(entries.adjust, person.id, -7, "Abuse")
    await session.commit()
    for period in ("day", "week", "month"):
        answer = await client.get(
            f"{PATH}/summary", params={"period": period}, headers=person.headers
        )
        assert [(row["kind"], row["amount"], row["entries"]) for row in answer.json()] == [
            ("addition", 205, 3), ("adjustment", -7, 1)
        ]  # fmt: skip
    for query in (
        {"since": "2020-01-01", "until": "2022-01-01"},
        {"since": "2020-01-02", "until": "2020-01-01"},
    ):
        answer = await client.get(f"{PATH}/summary", params=query, headers=person.headers)
        assert answer.status_code == 422


async def test_rates_are_set_by_admins_and_read_by_all(
    client: AsyncClient, person: Person, admin: Person
) -> None:
    body = {"operation": "docs.embed", "per_unit": 2}
    made = await client.post(f"{PATH}/rates", json=body, headers=admin.headers)
    assert made.status_code == 201
    rates = (await client.get(f"{PATH}/rates", headers=person.headers)).json()
    assert ("docs.embed", 2) in [(rate["operation"], rate["per_unit"]) for rate in rates]
    versions = await client.get(f"{PATH}/rates/docs.embed", headers=admin.headers)
    assert len(versions.json()) == 1
    for wrong in ({"operation": "docs"}, {"operation": "Docs.x"}, {"per_unit": -1}):
        answer = await client.post(f"{PATH}/rates", json=body | wrong, headers=admin.headers)
        assert answer.status_code == 422


async def test_tiers_are_changed_and_chosen(
    client: AsyncClient, person: Person, admin: Person
) -> None:
    changed = await client.patch(
        f"{PATH}/tiers/free", json={"daily_charges": None}, headers=admin.headers
    )
    assert changed.json() == {
        "name": "free", "allocation": 100, "rollover": 0, "daily_charges": None
    }  # fmt: skip
    names = (await client.get(f"{PATH}/tiers", headers=person.headers)).json()
    given = [tier["name"] for tier in names if tier["allocation"]]
    assert given == ["free", "standard", "premium", "enterprise"]
    path = f"{PATH}/accounts/{person.id}/tier"
    chosen = await client.put(path, json={"tier": "premium"}, headers=admin.headers)
    assert (chosen.json()["tier"], chosen.json()["balance"]) == ("premium", 200)
    wrong = await client.put(path, json={"tier": "golden"}, headers=admin.headers)
    assert (wrong.status_code, wrong.json()["code"]) == (404, "tier_not_found")


async def test_an_admin_releases_a_hold(
    client: AsyncClient, person: Person, admin: Person, session: AsyncSession
) -> None:
    hold = await session.run_sync(
        lambda sync: holds.place(sync, person.id, 30, "Order", duration=timedelta(hours=1))
    )
    await session.commit()
    page = (await client.get(f"{PATH}/holds", headers=person.headers)).json()
    assert [entry["id"] for entry in page["items"]] == [str(hold.id)]
    theirs = f"{PATH}/accounts/{person.id}/holds"
    assert (await client.get(theirs, headers=admin.headers)).json() == page
    path = f"{PATH}/holds/{hold.id}/release"
    assert (await client.post(path, headers=admin.headers)).json()["balance_after"] == 200
    again = await client.post(path, headers=admin.headers)
    assert (again.status_code, again.json()["code"]) == (409, "hold_ended")
    query = {"state": "active"}
    left = await client.get(f"{PATH}/holds", params=query, headers=person.headers)
    assert left.json()["items"] == []
