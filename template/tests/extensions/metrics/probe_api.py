"""The API with the routes of the probe: `uvicorn tests.extensions.metrics.probe_api:app`."""

from app.main import app
from tests.extensions.metrics.probe import mounted, router

app.include_router(router)
app.router.routes.append(mounted)

__all__ = ["app"]
