"""Sentry's SDK with the settings of the project."""

from collections.abc import Iterator
from contextlib import contextmanager

import sentry_sdk
from sentry_sdk.integrations.dedupe import DedupeIntegration

from app.core import context
from app.core.failures import Failure
from app.core.logging import log_seldom
from app.core.settings import CoreSettings
from app.extensions.sentry.privacy import cleaned
from app.extensions.sentry.settings import SentrySettings

FLUSH = 3.0  # seconds for which the end of a process waits for its last events


@contextmanager
def initialized(core: CoreSettings, settings: SentrySettings) -> Iterator[None]:
    """Report failures of this process, and send what is left at its end.

    No integration is on that finds errors by itself: core says which errors count, see
    `app.core.failures`. Sentry's own traces are off.
    """
    log_seldom("urllib3.connectionpool")  # the SDK sends with it
    sentry_sdk.init(
        dsn=settings.dsn,
        release=core.app_version,
        environment=core.environment,
        sample_rate=settings.sample_rate,
        before_send=cleaned,
        default_integrations=False,
        auto_enabling_integrations=False,
        # The same exception may reach two handlers.
        integrations=[DedupeIntegration()],
        include_local_variables=False,
        send_default_pii=False,
        max_breadcrumbs=0,
        auto_session_tracking=False,
        in_app_include=["app"],
        spotlight=False,
    )
    try:
        yield
    finally:
        sentry_sdk.get_client().close(timeout=FLUSH)


def capture(failure: Failure) -> None:
    """Send a failure, with the ids by which its log lines are found."""
    tags = {
        "kind": failure.kind,
        "feature": failure.feature,
        "request_id": context.request_id.get(),
        "task_id": failure.task_id,
        **{name: read() for name, read in context.IDS.items()},
    }
    with sentry_sdk.new_scope() as scope:
        scope.set_transaction_name(
            failure.place, source="route" if failure.kind == "request" else "task"
        )
        scope.set_tags({name: value for name, value in tags.items() if value is not None})
        scope.set_user({"id": context.user_id.get()})
        sentry_sdk.capture_exception(failure.error)
