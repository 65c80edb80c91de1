"""Requests to PostHog.

Not PostHog's SDK: it keeps events in the memory of a thread, and does not say which ones arrived.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from app.core.http_client import client_options
from app.core.settings import load_settings
from app.core.tasks import TaskError
from app.extensions.analytics.settings import AnalyticsSettings

SECONDS = 15.0  # for one request
# Refusals that a later try may not meet: timeout, too many requests.
TEMPORARY = (408, 429)


class PostHogError(Exception):
    """PostHog does not answer, or has trouble; another try may succeed."""


async def send(settings: AnalyticsSettings, batch: Sequence[Mapping[str, Any]]) -> None:
    """Send events; PostHog ignores those that it has already.

    Raises:
        PostHogError: see there.
        TaskError: PostHog refuses them.
    """
    body = {"api_key": _key(settings), "batch": batch}
    await _post(f"{settings.host}/batch/", body, advice="Check ANALYTICS_KEY and ANALYTICS_HOST")


async def delete_persons(settings: AnalyticsSettings, ids: Sequence[str]) -> None:
    """Delete persons with all their events.

    Raises:
        PostHogError: see there.
        TaskError: PostHog refuses it, or the settings for it are missing.
    """
    if settings.personal_key is None or settings.project is None:
        raise TaskError(
            "Set ANALYTICS_PERSONAL_KEY and ANALYTICS_PROJECT, and retry this task: the persons "
            "are still at PostHog."
        )
    await _post(
        f"{settings.private_host}/api/projects/{settings.project}/persons/bulk_delete/",
        {"distinct_ids": [*ids], "delete_events": True},
        headers={"Authorization": f"Bearer {settings.personal_key.get_secret_value()}"},
        advice="Check ANALYTICS_PERSONAL_KEY, its scope person:write, and ANALYTICS_PROJECT",
    )


def flags_request(distinct_id: str, groups: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Return address and body of a request for the feature flags of a person."""
    settings = load_settings(AnalyticsSettings)
    body = {"api_key": _key(settings), "distinct_id": distinct_id, "groups": dict(groups)}
    return f"{settings.host}/flags/?v=2", body


def has_key() -> bool:
    """Return whether ANALYTICS_KEY is set."""
    return load_settings(AnalyticsSettings).key is not None


def _key(settings: AnalyticsSettings) -> str:
    if settings.key is None:
        raise TaskError("Set ANALYTICS_KEY, and retry this task.")
    return settings.key.get_secret_value()


async def _post(
    url: str, body: Mapping[str, Any], *, advice: str, headers: Mapping[str, str] | None = None
) -> None:
    try:
        async with httpx.AsyncClient(**client_options(), timeout=SECONDS) as client:
            answer = await client.post(url, json=body, headers=headers)
    except (httpx.HTTPError, UnicodeError) as error:
        raise PostHogError(f"PostHog does not answer ({type(error).__name__})") from error
    status = answer.status_code
    if status in TEMPORARY or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise PostHogError(f"PostHog answers {status}")
    if not answer.is_success:
        # A redirect also ends here: its target would get the key.
        raise TaskError(f"PostHog refuses the request with {status}. {advice}, and retry the task.")
