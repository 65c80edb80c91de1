"""Cached routes and functions that count how often they run."""

import asyncio
from collections import Counter
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import text

from app.core.database import DatabaseReader, DatabaseSession
from app.core.errors import NotFoundError
from app.core.redis import redis_key, store
from app.extensions.cache.service import Cached, cached
from app.extensions.users.deps import AdminUser, CurrentUser

runs: Counter[str] = Counter()
router = APIRouter()


class Choice(BaseModel):
    """A query."""

    page: int = 1
    words: list[str] = []


class Short(BaseModel):
    """What a route shows of an answer."""

    run: int


class Note(BaseModel):
    """An answer."""

    id: UUID | None = None
    run: int
    page: int = 1


def run(name: str) -> int:
    runs[name] += 1
    return runs[name]


@router.get("/mine")
@Cached(expires=60, tags=("mine:{user.id}",))
async def mine(user: CurrentUser, query: Annotated[Choice, Query()]) -> Note:
    return Note(id=user.id, run=run("mine"), page=query.page)


@router.get("/public")
@Cached(expires=60, public=True, tags=("public",))
async def public(session: DatabaseSession, reader: DatabaseReader, page: int = 1) -> list[Note]:
    await reader.rows(text("SELECT 1"))
    return [Note(run=run("public"), page=page)]


@router.get("/plain")
@Cached(expires=60, public=True, tags=("plain",))
async def plain() -> Note:
    return Note(run=run("plain"))


@router.get("/for-all-who-sign-in")
@Cached(expires=60, public=True)
async def for_all(user: CurrentUser) -> Note:
    return Note(run=run("for all"))


@router.get("/admins")
@Cached(expires=60, public=True)
async def admins(admin: AdminUser) -> Note:
    return Note(run=run("admins"))


@router.get("/missing/{key}")
@Cached(expires=60, public=True, negative=60)
async def missing(key: int) -> Note:
    run("missing")
    raise NotFoundError(f"There is no {key}.", code="note_not_found")


@router.get(
    "/formed",
    response_model=Short | None,
    status_code=203,
    response_model_exclude_none=True,
)
@Cached(expires=60, public=True)
async def formed() -> Note:
    return Note(id=UUID(int=1), run=run("formed"))


@router.get("/formed-otherwise", response_model_exclude={"page"}, response_model_exclude_none=True)
@Cached(expires=60, public=True)
async def formed_otherwise() -> Note:
    return Note(run=run("formed otherwise"))


router.get("/two-forms", response_model=Short)(plain)


COMPUTED = "tests:computed"


@cached(expires=60, public=True, tags=("slow",))
async def slow(key: str) -> int:
    """Count the computations of all processes."""
    number = await asyncio.to_thread(store().incr, redis_key(COMPUTED))
    await asyncio.sleep(0.5)
    return int(number)
