"""The Celery application: `celery -A app.worker worker`, `celery -A app.worker beat`."""

from app.core import liveness  # noqa: F401 - listens to signals
from app.core.celery_config import configure_celery
from app.core.features import checked_settings, load_models
from app.core.tasks import loop  # noqa: F401 - its signals, before the pool forks

load_models()
celery = configure_celery(checked_settings())
