"""The API with the routes of the probe: `uvicorn tests.extensions.tracing.probe_api:app`."""

from app.main import app
from tests.extensions.tracing.probe import router

app.include_router(router)

__all__ = ["app"]
