"""Flags at PostHog, which learns the id of the user and the groups, also without consent.

This creates no event and no person there.
"""

import time
from collections.abc import Mapping
from typing import Any

import httpx
from cachetools import TTLCache
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import GeneralError
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from pydantic import BaseModel

from app.core.http_client import client_options
from app.core.settings import load_settings
from app.extensions.analytics.service import posthog
from app.extensions.flags.providers.boolean import BooleanProvider
from app.extensions.flags.settings import FlagSettings

SECONDS = 2.0  # for one request; then the default is used
PAUSE = 5.0  # seconds after a failure in which PostHog is not asked
CACHED_USERS = 10_000

Values = dict[str, bool]


class _Flag(BaseModel):
    enabled: bool


class _Answer(BaseModel):
    flags: dict[str, _Flag]


class PostHogProvider(BooleanProvider):
    """Asks once for all flags of a user, and again after FLAGS_CACHE_SECONDS."""

    name = "posthog"

    def __init__(self) -> None:
        super().__init__()
        self._cached: TTLCache[tuple[str, ...], Values] = TTLCache(
            CACHED_USERS, ttl=load_settings(FlagSettings).cache_seconds
        )
        # Nobody waits for PostHog while it is down, so no user is asked about before this time.
        self._silent_until = 0.0

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: FBT001 - as OpenFeature declares it
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """See `AbstractProvider`."""
        key, url, body = _request(evaluation_context)
        if self._has_to_ask(key):
            try:
                with httpx.Client(**client_options(), timeout=SECONDS) as client:
                    self._cached[key] = _values(client.post(url, json=body))
            except (httpx.HTTPError, ValueError):
                self._silent_until = time.monotonic() + PAUSE
        return _details(self._cached.get(key), flag_key, default=default_value)

    async def resolve_boolean_details_async(
        self,
        flag_key: str,
        default_value: bool,  # noqa: FBT001 - as OpenFeature declares it
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """See `AbstractProvider`."""
        key, url, body = _request(evaluation_context)
        if self._has_to_ask(key):
            try:
                async with httpx.AsyncClient(**client_options(), timeout=SECONDS) as client:
                    self._cached[key] = _values(await client.post(url, json=body))
            except (httpx.HTTPError, ValueError):
                self._silent_until = time.monotonic() + PAUSE
        return _details(self._cached.get(key), flag_key, default=default_value)

    def _has_to_ask(self, key: tuple[str, ...]) -> bool:
        return key not in self._cached and time.monotonic() >= self._silent_until


def _request(given: EvaluationContext | None) -> tuple[tuple[str, ...], str, dict[str, Any]]:
    context = given or EvaluationContext()
    user = context.targeting_key or "nobody"
    groups: Mapping[str, str] = {kind: str(each) for kind, each in context.attributes.items()}
    return (user, *groups.values()), *posthog.flags_request(user, groups)


def _values(response: httpx.Response) -> Values:
    """Read the answer.

    Raises:
        httpx.HTTPError: PostHog refuses the request.
        ValueError: the answer is not JSON of the known form.
    """
    answer = _Answer.model_validate_json(response.raise_for_status().content)
    return {name: flag.enabled for name, flag in answer.flags.items()}


def _details(values: Values | None, name: str, *, default: bool) -> FlagResolutionDetails[bool]:
    if values is None:
        raise GeneralError("PostHog does not tell the flags.")
    if name not in values:
        return FlagResolutionDetails(default, reason=Reason.DEFAULT)
    return FlagResolutionDetails(values[name], reason=Reason.TARGETING_MATCH)
