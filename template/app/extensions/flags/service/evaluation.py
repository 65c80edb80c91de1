"""Evaluates flags by OpenFeature, with the provider that FLAGS_PROVIDER names."""

from collections.abc import Mapping
from functools import cache
from uuid import UUID

from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext

from app.core.database import Reader
from app.core.settings import load_settings
from app.extensions.flags.providers.local import LocalProvider
from app.extensions.flags.providers.posthog import PostHogProvider
from app.extensions.flags.service.declarations import declaration, declared
from app.extensions.flags.settings import FlagSettings, Provider
from app.extensions.flags.snapshot import SNAPSHOTS

DOMAIN = "app"  # a team may use providers of its own in other domains

Groups = Mapping[str, str]  # kind -> id


@cache
def client() -> OpenFeatureClient:
    """Return the client of this process."""
    api.set_provider_and_wait(LocalProvider() if is_local() else PostHogProvider(), DOMAIN)
    return api.get_client(DOMAIN)


def is_local() -> bool:
    """Return whether the tables of this backend decide."""
    return load_settings(FlagSettings).provider is Provider.LOCAL


async def is_on(
    reader: Reader, name: str, *, user_id: UUID | None, groups: Groups | None = None
) -> bool:
    """Return whether a flag is on for a user, or for a caller who is not signed in.

    If nobody can tell, it is the default of the flag.

    Raises:
        FeatureError: no feature declares the flag.
    """
    flag = declaration(name)
    if is_local():
        await SNAPSHOTS.refresh(reader)
    return await client().get_boolean_value_async(name, flag.default, _context(user_id, groups))


async def all_values(
    reader: Reader, *, user_id: UUID | None, groups: Groups | None = None
) -> dict[str, bool]:
    """Return all flags by name."""
    return {name: await is_on(reader, name, user_id=user_id, groups=groups) for name in declared()}


def is_on_blocking(name: str, *, user_id: UUID | None, groups: Groups | None = None) -> bool:
    """Do the same as `is_on` in a task that is not async."""
    flag = declaration(name)
    if is_local():
        SNAPSHOTS.refresh_blocking()
    return client().get_boolean_value(name, flag.default, _context(user_id, groups))


def _context(user_id: UUID | None, groups: Groups | None) -> EvaluationContext:
    return EvaluationContext(str(user_id) if user_id else None, dict(groups or {}))
