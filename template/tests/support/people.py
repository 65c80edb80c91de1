"""Users for tests: a row, and a token that the local Supabase signed."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.extensions.users.models import Role, Status


@dataclass(frozen=True)
class Person:
    """A signed-in user; `headers` authorize a request."""

    id: UUID
    email: str
    headers: dict[str, str]


class SignIn(Protocol):
    """The fixture `sign_in`, which creates a user."""

    def __call__(
        self, *, role: Role = Role.USER, status: Status = Status.APPROVED, aal: str = "aal1"
    ) -> Awaitable[Person]: ...
