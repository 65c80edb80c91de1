"""Error pages: `errors/<code>.html` or `errors/<status>.html` if a feature has it."""

from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import NoMatchFound

from app.core.logging import get_logger
from app.extensions.pages.addresses import path_of
from app.extensions.pages.rendering import environment, wants_part

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

# Where the detail only repeats the name of the status.
PLAIN = {
    404: "The address may have changed, or there is a typing error in it.",
    405: "Go back, and try it again from there.",
}


def to_sign_in(request: Request) -> Response | None:
    """Lead a browser to the sign-in, and back afterwards; None if no feature has that page."""
    try:
        path = path_of(request, "account:show_sign_in")
    except NoMatchFound:
        return None
    if request.method == "GET" and not wants_part(request):
        query = f"?{request.url.query}" if request.url.query else ""
        path += f"?{urlencode({'next': request.url.path + query})}"
    if wants_part(request):
        return Response(status_code=401, headers={"HX-Redirect": path})
    return RedirectResponse(path, 303)


def error_page(request: Request, problem: dict[str, Any]) -> Response:
    """Render a problem as a page. If the template fails, its sentence is answered alone."""
    status = int(problem["status"])
    try:
        names = (problem["code"], status, "error")
        template = environment().select_template([f"errors/{name}.html" for name in names])
        title = TITLES.get(status, problem["title"])
        values = {"errors": [], "request_id": None} | problem
        if problem["detail"] == f"{problem['title']}.":
            values["detail"] = PLAIN.get(status, "")
        html = template.render(request=request, problem=values, title=title)
    except Exception as error:
        log.error("error_page_failed", status=status, exc_info=error)
        return Response(problem["detail"], status, media_type="text/plain")
    return Response(html, status, media_type="text/html")
