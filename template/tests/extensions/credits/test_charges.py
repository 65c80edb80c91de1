"""Routes that cost credits."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Annotated
from uuid import UUID, uuid4

import pytest
from fastapi import APIRouter, FastAPI, UploadFile
from httpx import AsyncClient, Response
from pydantic import BaseModel
from sqlalchemy import text

from app.core.database import DatabaseSession
from app.core.errors import ConflictError
from app.extensions.credits.deps import Charge, charge
from app.extensions.credits.schemas import RateCreate
from app.extensions.credits.service import rates
from app.extensions.users import service
from app.extensions.users.models import Role
from devstack.supabase import LocalSupabase
from tests.support.people import Person, SignIn

BALANCE = "/api/v1/credits/balance"
runs: list[str] = []
hurdle = asyncio.Event()

router = APIRouter()


class Work(BaseModel):
    """The body of a request to a metered route."""

    pages: int
    name: str = "x"


def pages(work: Work) -> int:
    """Count the units of a request."""
    return work.pages


@router.post("/probe/work")
async def work(work: Work, paid: Annotated[Charge, charge("probe.work", pages)]) -> int:
    """A route whose price depends on the pages; the name decides how it ends."""
    runs.append(work.name)
    if work.name == "fail":
        raise ConflictError("It did not work.", code="probe_failed")
    if work.name == "crash":
        raise RuntimeError("hunter2")
    if work.name == "wait":
        await hurdle.wait()
    if work.name == "half":
        paid.use(work.pages // 2)
    return paid.held


@router.post("/probe/write", dependencies=[charge("probe.fixed")])
async def write(session: DatabaseSession) -> None:
    """A route whose change of the database is committed with the payment."""
    await (await session.connection()).execute(text("NOTIFY probe"))


@router.post("/probe/upload", dependencies=[charge("probe.fixed")])
async def upload(file: UploadFile) -> int:
    """A route with a form instead of JSON."""
    return len(await file.read())


@pytest.fixture(autouse=True)
def _probes(running_app: FastAPI) -> Iterator[None]:
    before = list(running_app.router.routes)
    running_app.include_router(router)
    runs.clear()
    hurdle.clear()
    yield
    running_app.router.routes[:] = before


async def set_rates(app: FastAPI) -> None:
    async with app.state.database.session() as session:
        for operation, values in (("probe.work", {"per_unit": 1}), ("probe.fixed", {"fixed": 7})):
            rate = RateCreate.model_validate({"operation": operation, **values})
            try:
                await session.run_sync(rates.set_rate, rate)
            except ConflictError:
                await session.rollback()


@pytest.fixture
async def person(client: AsyncClient, app: FastAPI, sign_in: SignIn) -> Person:
    """A user with 200 credits: 100 for a new account and 100 for this month."""
    await set_rates(app)
    return await sign_in()


async def balance(client: AsyncClient, person: Person) -> tuple[int, int]:
    found = (await client.get(BALANCE, headers=person.headers)).json()
    return found["balance"], found["held"]


async def ask(
    client: AsyncClient, person: Person, key: str | None = None, **work: object
) -> Response:
    headers = person.headers | ({"Idempotency-Key": key} if key else {})
    return await client.post("/probe/work", json=work, headers=headers)


async def test_a_successful_request_is_paid_for(client: AsyncClient, person: Person) -> None:
    answer = await ask(client, person, pages=30)
    assert (answer.status_code, answer.json()) == (200, 30)
    assert await balance(client, person) == (170, 0)
    page = (await client.get("/api/v1/credits/transactions", headers=person.headers)).json()
    assert [(entry["kind"], entry["operation"]) for entry in page["items"][:3]] == [
        ("deduction", "probe.work"), ("release", "probe.work"), ("hold", "probe.work")
    ]  # fmt: skip


async def test_fewer_units_than_held_cost_less(client: AsyncClient, person: Person) -> None:
    await ask(client, person, pages=30, name="half")
    assert await balance(client, person) == (185, 0)


@pytest.mark.parametrize(("name", "status"), [("fail", 409), ("crash", 500)])
async def test_a_failed_request_is_free_and_can_be_repeated(
    client: AsyncClient, person: Person, name: str, status: int
) -> None:
    for _ in range(2):
        answer = await ask(client, person, "one", pages=30, name=name)
        assert (answer.status_code, answer.json()["code"]) != (409, "already_charged")
        assert answer.status_code == status
        assert await balance(client, person) == (200, 0)
    assert runs == [name, name]


async def test_too_few_credits_are_402_before_any_work(
    client: AsyncClient, person: Person, configure: Callable[..., None]
) -> None:
    configure(CREDITS_MORE_URL="https://example.com/buy")
    answer = await ask(client, person, pages=300)
    assert answer.status_code == 402
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["title"]) == ("insufficient_credits", "Payment Required")
    assert {name: problem[name] for name in ("required", "available", "missing", "more")} == {
        "required": 300, "available": 200, "missing": 100, "more": "https://example.com/buy"
    }  # fmt: skip
    assert runs == []
    assert await balance(client, person) == (200, 0)


async def test_the_daily_limit_is_429_until_midnight(
    client: AsyncClient, person: Person, app: FastAPI
) -> None:
    async with app.state.database.session() as session:
        await (await session.connection()).execute(
            text("UPDATE app.credits_tiers SET daily_charges = 1 WHERE name = 'free'")
        )
        await session.commit()
    assert (await ask(client, person, pages=1)).status_code == 200
    answer = await ask(client, person, pages=1)
    assert (answer.status_code, answer.json()["code"]) == (429, "daily_limit")
    assert 0 < int(answer.headers["retry-after"]) <= 25 * 3600
    assert len(runs) == 1


async def test_a_route_without_a_rate_is_not_free(client: AsyncClient, sign_in: SignIn) -> None:
    answer = await ask(client, await sign_in(), pages=1)
    assert (answer.status_code, answer.json()["code"]) == (503, "no_rate")
    assert runs == []


async def test_a_request_without_a_token_is_refused(client: AsyncClient) -> None:
    assert (await client.post("/probe/work", json={"pages": 1})).status_code == 401
    assert runs == []


async def test_a_key_belongs_to_one_request(
    client: AsyncClient, person: Person, sign_in: SignIn
) -> None:
    assert (await ask(client, person, "one", pages=30)).status_code == 200
    again = await ask(client, person, "one", pages=30)
    assert (again.status_code, again.json()["code"]) == (409, "already_charged")
    other = await ask(client, person, "one", pages=31)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await balance(client, person) == (170, 0)
    assert (await ask(client, await sign_in(), "one", pages=30)).status_code == 200
    assert len(runs) == 2


async def test_a_form_is_metered_too(client: AsyncClient, person: Person) -> None:
    headers = person.headers | {"Idempotency-Key": "form"}
    for status in (200, 409):
        answer = await client.post("/probe/upload", files={"file": b"abc"}, headers=headers)
        assert answer.status_code == status, answer.text
    assert await balance(client, person) == (193, 0)


async def test_work_and_payment_are_committed_together(client: AsyncClient, person: Person) -> None:
    assert (await client.post("/probe/write", headers=person.headers)).status_code == 200
    assert await balance(client, person) == (193, 0)


# --- With real commits --------------------------------------------------------------------------


@pytest.fixture
async def customer(committed: AsyncClient, running_app: FastAPI, supabase: LocalSupabase) -> Person:
    await set_rates(running_app)
    email = f"{uuid4().hex}@example.com"
    token = supabase.issue_token(email)
    user_id = UUID(supabase.user(email).id)
    return Person(user_id, email, {"Authorization": f"Bearer {token}"})


async def test_concurrent_requests_do_not_overspend(
    committed: AsyncClient, customer: Person
) -> None:
    answers = await asyncio.gather(*(ask(committed, customer, pages=30) for _ in range(20)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(402)) == (6, 14)
    assert len(runs) == 6
    assert await balance(committed, customer) == (20, 0)


async def test_of_concurrent_requests_with_one_key_only_one_runs(
    committed: AsyncClient, customer: Person
) -> None:
    async def first() -> Response:
        return await ask(committed, customer, "same", pages=30, name="wait")

    pending = asyncio.create_task(first())
    answers = []
    while not runs:
        await asyncio.sleep(0.01)
    answers = await asyncio.gather(*(first() for _ in range(5)))
    assert {answer.json()["code"] for answer in answers} == {"charge_in_progress"}
    hurdle.set()
    assert (await pending).status_code == 200
    assert (await first()).json()["code"] == "already_charged"
    assert len(runs) == 1
    assert await balance(committed, customer) == (170, 0)


async def test_concurrent_first_requests_open_one_account(
    committed: AsyncClient, customer: Person
) -> None:
    answers = await asyncio.gather(
        *(committed.get(BALANCE, headers=customer.headers) for _ in range(50))
    )
    assert {answer.json()["balance"] for answer in answers} == {200}
    page = await committed.get("/api/v1/credits/transactions", headers=customer.headers)
    assert [entry["reason"] for entry in page.json()["items"]] == ["Monthly allocation", "Welcome"]


async def test_a_user_without_an_account_gets_one(
    committed: AsyncClient, running_app: FastAPI, customer: Person
) -> None:
    """The user existed before the option was switched on."""
    await committed.get("/api/v1/users/me", headers=customer.headers)
    async with running_app.state.database.session() as session:
        connection = await session.connection()
        for statement in (
            "ALTER TABLE app.credits_transactions DISABLE TRIGGER append_only",
            f"DELETE FROM app.credits_transactions WHERE user_id = '{customer.id}'",
            f"DELETE FROM app.credits_accounts WHERE user_id = '{customer.id}'",
            "ALTER TABLE app.credits_transactions ENABLE TRIGGER append_only",
        ):
            await connection.execute(text(statement))
        await session.commit()
    answers = await asyncio.gather(*(ask(committed, customer, pages=1) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert await balance(committed, customer) == (180, 0)


async def test_a_user_without_an_address_gets_no_account(
    committed: AsyncClient, running_app: FastAPI, supabase: LocalSupabase
) -> None:
    user_id = uuid4()
    async with running_app.state.database.session() as session:
        await service.get_or_create(session, user_id, None)
        connection = await session.connection()
        found = await connection.execute(
            text("SELECT count(*) FROM app.credits_accounts WHERE user_id = :user"),
            {"user": user_id},
        )
        assert found.scalar_one() == 0


async def test_an_admin_pays_as_well(client: AsyncClient, person: Person, sign_in: SignIn) -> None:
    admin = await sign_in(role=Role.ADMIN)
    assert (await ask(client, admin, pages=30)).status_code == 200
    assert await balance(client, admin) == (170, 0)
