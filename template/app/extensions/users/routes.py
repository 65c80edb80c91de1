"""`/users`: the caller's own user, and all users for admins."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from app.core.auth.dependencies import verifier_of
from app.core.database import DatabaseReader, DatabaseSession
from app.core.http.pagination import KeysetPage, encode_cursor
from app.extensions.users import service
from app.extensions.users.deps import AdminUser, CurrentUser
from app.extensions.users.models import Status, User
from app.extensions.users.schemas import RoleUpdate, UserQuery, UserRead, UserUpdate

router = APIRouter()


@router.get("/me", summary="Who am I?")
async def read_me(user: CurrentUser, reader: DatabaseReader) -> UserRead:
    """The caller's user, as stored now."""
    return UserRead.model_validate(await service.get_row(reader, user.id))


@router.patch("/me", summary="Change my profile")
async def update_me(user: CurrentUser, changes: UserUpdate, session: DatabaseSession) -> UserRead:
    """Change the fields that are sent; the others keep their values."""
    values = changes.model_dump(exclude_unset=True)
    return _read(await service.update_profile(session, user.id, values))


@router.get("", summary="List users")
async def list_users(
    _: AdminUser, query: Annotated[UserQuery, Query()], session: DatabaseSession
) -> KeysetPage[UserRead]:
    """Users by time of their first request, newest first. For admins."""
    found = await service.list_users(session, query)
    page = found[: query.limit]
    last = page[-1] if len(found) > query.limit else None
    return KeysetPage[UserRead](
        items=[_read(user) for user in page],
        next_cursor=encode_cursor(last.created_at, last.id) if last else None,
    )


@router.get("/{user_id}", summary="Read a user")
async def read_user(_: AdminUser, user_id: UUID, session: DatabaseSession) -> UserRead:
    """One user. For admins."""
    return _read(await service.get(session, user_id))


@router.post("/forget-tokens", status_code=204, summary="Verify all tokens again")
async def forget_tokens(_: AdminUser, request: Request) -> None:
    """Forget all verified tokens and signing keys in the process that answers. For admins.

    Use it after a key was revoked. Other processes notice that within ten minutes or at a restart.
    """
    verifier_of(request).purge()


@router.post("/{user_id}/approve", summary="Approve a user")
async def approve(_: AdminUser, user_id: UUID, session: DatabaseSession) -> UserRead:
    """Let a user use the application, also after a suspension. For admins."""
    return _read(await service.set_status(session, user_id, Status.APPROVED))


@router.post("/{user_id}/reject", summary="Reject a user")
async def reject(_: AdminUser, user_id: UUID, session: DatabaseSession) -> UserRead:
    """Refuse a user who is waiting for approval. For admins."""
    return _read(await service.set_status(session, user_id, Status.REJECTED))


@router.post("/{user_id}/suspend", summary="Suspend a user")
async def suspend(_: AdminUser, user_id: UUID, session: DatabaseSession) -> UserRead:
    """Lock a user out until an admin approves them again. For admins."""
    return _read(await service.set_status(session, user_id, Status.SUSPENDED))


@router.put("/{user_id}/role", summary="Change a user's role")
async def set_role(
    _: AdminUser, user_id: UUID, change: RoleUpdate, session: DatabaseSession
) -> UserRead:
    """Replace a user's role. For admins."""
    return _read(await service.set_role(session, user_id, change.role))


def _read(user: User) -> UserRead:
    return UserRead.model_validate(user)
