"""`GET /api/v1/metrics`, for Prometheus."""

import hmac
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from app.core.auth.dependencies import token_of
from app.core.database import DatabaseReader
from app.core.errors import NotFoundError, UnauthenticatedError
from app.core.settings import load_settings
from app.extensions.metrics import service
from app.extensions.metrics.settings import MetricsSettings

router = APIRouter()


class _Collected(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


@router.get("", include_in_schema=False)
async def metrics(request: Request, reader: DatabaseReader) -> Response:
    """Return the metrics of all processes in the format of Prometheus."""
    token = load_settings(MetricsSettings).token
    if token is None:
        raise NotFoundError("METRICS_TOKEN is not set.", code="metrics_off")
    sent = token_of(request) or ""
    if not hmac.compare_digest(sent.encode(), token.get_secret_value().encode()):
        raise UnauthenticatedError("Send METRICS_TOKEN as a bearer token.")
    registry = CollectorRegistry()
    registry.register(_Collected(await service.collect(request.app.state.redis, reader)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
