"""The API with the route of the probe: `uvicorn tests.extensions.analytics.probe_api:app`."""

from app.main import app
from tests.extensions.analytics.probe import router

app.include_router(router)

__all__ = ["app"]
