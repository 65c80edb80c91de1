"""Two pages, of which the second always fails."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from app.core.errors import NotFoundError
from app.extensions.pages.addresses import address
from app.extensions.pages.rendering import page

router = APIRouter()
NAVIGATION = {"Teas": "teas:teas"}


@router.get("/teas")
async def teas(request: Request, search: str = "") -> HTMLResponse:
    """A page with a block for htmx."""
    return page(request, "teas/list.html", block="rows", search=search)


@router.get("/teas/{number}")
async def tea(number: int) -> HTMLResponse:
    """Fail."""
    if number == 500:
        raise ZeroDivisionError("secret")
    raise NotFoundError(f"There is no tea <{number}>.", code="tea_not_found")


async def sitemap(request: Request) -> list[str]:
    """Return two paths."""
    return [address(request, tea, number=1), "/a&b"]
