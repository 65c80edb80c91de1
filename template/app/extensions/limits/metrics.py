"""Numbers of refused requests."""

from app.extensions.metrics.recorder import Counter

COUNTERS = (
    Counter(
        "app_limits_refused_total", "Requests over their limit, by its name", "limit", ("default",)
    ),
)
