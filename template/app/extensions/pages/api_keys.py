"""What the pages of API keys share: those of a user, and those of other owners.

A key is in the answer to its creation or rotation, and in no address, cookie or cache.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Request
from pydantic import BeforeValidator, Field
from starlette.responses import RedirectResponse, Response

from app.core.auth.scopes import known_scopes
from app.core.database.models import utcnow
from app.core.errors import ConflictError, InvalidError
from app.core.http.pagination import KeysetPage
from app.core.settings import load_settings
from app.extensions.api_keys.schemas import ApiKeyCreate, ApiKeyRead, ApiKeyRotate, Network
from app.extensions.api_keys.service import ApiKey
from app.extensions.api_keys.settings import ApiKeySettings
from app.extensions.pages.addresses import path_of
from app.extensions.pages.forms import read_form
from app.extensions.pages.messages import add_message
from app.extensions.pages.rendering import page

Made = tuple[ApiKey, str]


def _lines(sent: Any) -> Any:
    """Split the text of a field with one network in each line."""
    return " ".join(sent).split() if isinstance(sent, list) else sent


class KeyForm(ApiKeyCreate):
    """A new key, as the form sends it."""

    networks: Annotated[list[Network], BeforeValidator(_lines)] = Field(default_factory=list)


@dataclass(frozen=True)
class KeyPages:
    """The pages of the keys of one owner.

    Args:
        request: the request for one of them.
        feature: the feature whose `pages.py` has `show_keys`, `new_key`, `add_key`, `show_key`,
            `rotate_key` and `revoke_key`.
        frame: the template that they extend, with the blocks `heading`, `action` and `body`.
        place: the values in their paths.
        shown: what the frame names.
        may_create: whether the owner can have keys.
    """

    request: Request
    feature: str
    frame: str
    place: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, Any] = field(default_factory=dict)
    may_create: bool = True

    def path(self, name: str, **values: Any) -> str:
        """Return the path of one of the pages."""
        return path_of(self.request, f"{self.feature}:{name}", **self.place, **values)

    def list(self, found: KeysetPage[ApiKeyRead]) -> Response:
        """Show the keys, also those that have ended."""
        return self._page("list", found=found, may_create=self.may_create)

    def form(
        self,
        values: dict[str, Any] | None = None,
        errors: dict[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        """Show the form for a new key."""
        settings = load_settings(ApiKeySettings)
        return self._page(
            "new",
            status=status,
            known=known_scopes(),
            days=min(settings.default_days, settings.max_days),
            max_days=settings.max_days,
            values=values,
            errors=errors,
        )

    async def add(self, create: Callable[[ApiKeyCreate], Awaitable[Made]]) -> Response:
        """Create the key of the form, and show it once."""
        form = await read_form(self.request, KeyForm)
        if form.data is None:
            return self.form(form.values, form.errors, 422)
        try:
            return self._created(await create(form.data))
        except (ConflictError, InvalidError) as error:
            return self.form(form.values, {"": error.detail}, error.status)

    def one(
        self, key: ApiKeyRead, errors: dict[str, str] | None = None, status: int = 200
    ) -> Response:
        """Show a key, and the forms that replace and end it."""
        hours = load_settings(ApiKeySettings).overlap_hours
        return self._page("one", status=status, key=key, hours=hours, errors=errors)

    async def rotate(
        self, key: ApiKeyRead, replace: Callable[[int | None], Awaitable[Made]]
    ) -> Response:
        """Replace a key, and show the new one once."""
        form = await read_form(self.request, ApiKeyRotate)
        if form.data is None:
            return self.one(key, form.errors, 422)
        try:
            return self._created(await replace(form.data.overlap_hours))
        except ConflictError as error:
            return self.one(key, {"": error.detail}, error.status)

    def revoked(self) -> Response:
        """Lead back to the list."""
        add_message(self.request, "The key is revoked.")
        return RedirectResponse(self.path("show_keys"), 303)

    def _created(self, made: Made) -> Response:
        key, text = made
        return self._page("created", key=ApiKeyRead.model_validate(key), text=text)

    def _page(self, name: str, *, status: int = 200, **values: Any) -> Response:
        shown = {"frame": self.frame, "path": self.path, "state": state, **self.shown}
        return page(self.request, f"api_keys/{name}.html", status=status, **shown, **values)


def state(key: ApiKeyRead) -> str:
    """Say whether a key is valid."""
    if key.revoked_at:
        return "Revoked"
    if key.expires_at <= utcnow():
        return "Ended"
    return "Replaced" if key.replaced_by else "Valid"
