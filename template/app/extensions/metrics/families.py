"""What Prometheus calls a family: a metric with all its values."""

from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric

# Metric -> values of its labels -> part, such as the bucket of a histogram -> number.
Numbers = dict[str, dict[tuple[str, ...], dict[str, float]]]


def gauge(name: str, text: str, label: str, value: Any) -> Metric:
    """Make a gauge: of one number, or of numbers by the values of a label."""
    family = GaugeMetricFamily(name, text, labels=[label] if label else [])
    values = value if isinstance(value, dict) else {"": value}
    for key, number in sorted(values.items()):
        family.add_metric([key] if label else [], float(number))
    return family
