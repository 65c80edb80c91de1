"""The Celery application: `celery -A app.worker worker`, `celery -A app.worker beat`."""

from app.core.celery_config import configure_celery
from app.core.features import checked_settings

celery = configure_celery(checked_settings())
