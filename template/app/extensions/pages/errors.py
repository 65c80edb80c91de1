"""Error pages: `errors/<status>.html` if a feature has it, or `errors/error.html`."""

from typing import Any

from fastapi import Request
from starlette.responses import Response

from app.core.logging import get_logger
from app.extensions.pages.rendering import environment

log = get_logger(__name__)

TITLES = {
    401: "Sign in first",
    403: "You may not see this page",
    404: "This page does not exist",
    405: "This page cannot do that",
    409: "This does not fit any more",
    413: "This is too large",
    422: "Something in your request is not right",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Please try again in a moment",
}


def error_page(request: Request, problem: dict[str, Any]) -> Response:
    """Render a problem as a page. If the template fails, its sentence is answered alone."""
    status = int(problem["status"])
    try:
        template = environment().select_template([f"errors/{status}.html", "errors/error.html"])
        title = TITLES.get(status, problem["title"])
        values = {"errors": [], "request_id": None} | problem
        html = template.render(request=request, problem=values, title=title)
    except Exception as error:
        log.error("error_page_failed", status=status, exc_info=error)
        return Response(problem["detail"], status, media_type="text/plain")
    return Response(html, status, media_type="text/html")
