"""Access to views: each view declares which roles see it and which roles change its rows."""

from typing import Any, NamedTuple

from sqladmin.authorization import Action, AuthorizationBackend
from starlette.requests import Request

READ_ACTIONS = frozenset({Action.LIST, Action.DETAILS, Action.EXPORT})


class Access(NamedTuple):
    """The roles that see a view, and the roles that change its rows."""

    see: frozenset[str] = frozenset({"admin", "support"})
    change: frozenset[str] = frozenset({"admin"})


# The access to views that declare none.
ADMINS_ONLY = Access(see=frozenset({"admin"}))


class RoleAuthorization(AuthorizationBackend):
    """Answers SQLAdmin's permission checks by the `access` of each view."""

    def __init__(self) -> None:
        self.access_by_view: dict[str, Access] = {}

    def has_permission(
        self,
        request: Request,
        identity: str,
        action: str,
        obj: Any | None = None,  # noqa: ARG002 - SQLAdmin defines the signature
    ) -> bool:
        """Tell whether the signed-in user may perform an action in a view."""
        access = self.access_by_view.get(identity, ADMINS_ONLY)
        roles = access.see if action in READ_ACTIONS else access.change
        return request.state.actor.role in roles
