"""What a client accepts: the weights in Accept and Accept-Encoding (RFC 9110, section 12.4.2)."""

from collections.abc import Iterable

from app.core.http.problems import MEDIA_TYPE


def prefers_html(accept: str) -> bool:
    """Tell whether a header Accept names HTML, and JSON with no higher weight."""
    weights = dict(_weights(accept))
    html = weights.get("text/html", 0.0)
    return html > 0 and all(
        html >= weights.get(each, 0.0) for each in ("application/json", MEDIA_TYPE)
    )


def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether a header Accept-Encoding allows gzip: `gzip;q=0` refuses it."""
    weights = dict(_weights(accept_encoding))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _weights(header: str) -> Iterable[tuple[str, float]]:
    for part in header.split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            yield name, float(weight)
        except ValueError:
            yield name, 1.0
