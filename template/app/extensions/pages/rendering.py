"""Answers with a template: the whole page, or one block of it for htmx.

Templates are Jinja2 with autoescape. A value that a template does not get is an error.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from jinja2_fragments import render_block
from starlette.responses import HTMLResponse

from app.core.settings import get_settings, load_settings
from app.extensions.pages.addresses import path_of
from app.extensions.pages.folders import folders
from app.extensions.pages.header import header, header_parts, navigation
from app.extensions.pages.messages import take_messages
from app.extensions.pages.settings import PagesSettings
from app.extensions.sessions.service.browser import csrf_token
from app.extensions.sessions.service.csrf import FIELD


class FormValues(dict[str, Any]):
    """What was typed into a form, or what is wrong with it: a field that is missing is empty."""

    def __missing__(self, _name: str) -> str:
        return ""


def page(
    request: Request,
    template: str,
    *,
    block: str | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """Render a template.

    Args:
        request: templates know it as `request`.
        template: path below `templates/` of any feature.
        block: htmx gets this block alone if it replaces a part of the page.
        status: the status of the response.
        headers: headers of the response.
        values: what the template names. `values` and `errors` are those of a form, which are
            empty at first.
    """
    values["request"] = request
    for name in ("values", "errors"):
        values[name] = FormValues(values.get(name) or {})
    if block and wants_part(request):
        text = render_block(environment(), template, block, values)
    else:
        text = environment().get_template(template).render(values)
    response = HTMLResponse(text, status, headers)
    if block:
        # Otherwise a cache could answer a visit of the page with the part.
        response.headers.append("Vary", "HX-Request, HX-Request-Type")
    return response


def wants_part(request: Request) -> bool:
    """Tell whether htmx asks for a part of a page: it sends `full` if it replaces the body."""
    headers = request.headers
    return (headers.get("hx-request"), headers.get("hx-request-type")) == ("true", "partial")


def origin(request: Request) -> str:
    """Return the public origin of the pages, without a slash at the end."""
    return load_settings(PagesSettings).url or str(request.base_url).rstrip("/")


@cache
def environment() -> Environment:
    """Return Jinja's environment with the templates of all features."""
    settings = get_settings()
    found = Environment(
        loader=FileSystemLoader(folders("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=settings.environment == "local",
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {
        "url_for": _url_for,
        "origin": origin,
        "project_name": settings.project_name,
        "header": header,
        "header_parts": header_parts(),
        "navigation": navigation,
        "csrf_field": FIELD,
        "csrf_token": csrf_token,
        "take_messages": take_messages,
    }
    return found


@pass_context
def _url_for(context: Context, name: str, /, **values: Any) -> str:
    return path_of(context["request"], name, **values)
