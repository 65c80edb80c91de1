"""The Celery application: `celery -A app.worker worker`, `celery -A app.worker beat`."""

from app.core.features import FeatureError, load_all_settings, load_models
from app.core.settings import SettingsError
from app.core.tasks import (  # noqa: F401 - their signals, before the pool forks
    heartbeat_file,
    loop,
    processes,
)
from app.core.tasks.application import configure_celery

try:
    load_models()
    celery = configure_celery(load_all_settings())
except (SettingsError, FeatureError) as error:
    # Show only the reason: Celery would print it after a long traceback.
    raise SystemExit(f"Error: {error}") from error
