"""Prometheus scrapes often, and nobody reads the traces of it."""

from tests.extensions.metrics.conftest import HEADERS, PATH, api
from tests.extensions.tracing.sink import receiving


async def test_scrapes_and_probes_are_not_traced(environment: dict[str, str]) -> None:
    with receiving() as sink:
        async with api(**environment, TRACING_ENDPOINT=sink.url) as (client, _):
            for path in (PATH, "/health/ready", "/health/live"):
                assert (await client.get(path, headers=HEADERS)).is_success
            assert (await client.get("/probe/plain")).is_success
            # A name that only begins like the one of the route.
            await client.get(f"{PATH}-of-others")
        roots = [span.name for span in sink.spans if span.kind == "server"]
    assert sorted(roots) == ["GET", "GET /probe/plain"]
    assert not [span.name for span in sink.spans if "metrics" in span.name]
