"""Who sees a view and who changes what is in it: declared once, in the view."""

from typing import Any, NamedTuple

from sqladmin.authorization import Action, AuthorizationBackend
from starlette.requests import Request

LOOKING = frozenset({Action.LIST, Action.DETAILS, Action.EXPORT})


class Access(NamedTuple):
    """Roles of those who see a view, and of those who change what is in it."""

    see: frozenset[str] = frozenset({"admin", "support"})
    change: frozenset[str] = frozenset({"admin"})


# Of views that declare none.
ADMINS_ALONE = Access(see=frozenset({"admin"}))


class ByRole(AuthorizationBackend):
    """Answers SQLAdmin by the `access` of each view."""

    def __init__(self) -> None:
        self.declared: dict[str, Access] = {}

    def has_permission(
        self,
        request: Request,
        identity: str,
        action: str,
        obj: Any | None = None,  # noqa: ARG002 - the signature is SQLAdmin's
    ) -> bool:
        """Tell whether who is signed in may do something in a view."""
        access = self.declared.get(identity, ADMINS_ALONE)
        roles = access.see if action in LOOKING else access.change
        return request.state.actor.role in roles
