"""The API with the routes of the probe: `uvicorn tests.extensions.limits.probe_api:app`."""

from app.main import app
from tests.extensions.limits.probe import add_probe

add_probe(app)

__all__ = ["app"]
