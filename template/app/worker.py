"""The Celery application: `celery -A app.worker worker`, `celery -A app.worker beat`."""

from app.core.features import load_all_settings, load_models
from app.core.tasks import heartbeat_file, loop  # noqa: F401 - their signals, before the pool forks
from app.core.tasks.application import configure_celery

load_models()
celery = configure_celery(load_all_settings())
