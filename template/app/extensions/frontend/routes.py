"""`/frontend`: the values of this deployment, so that one build serves every environment."""

from fastapi import APIRouter, Response

from app.core.settings import get_settings
from app.extensions.frontend.schemas import FrontendConfig

router = APIRouter()


@router.get("", summary="Configuration of the frontend")
async def read_config(response: Response) -> FrontendConfig:
    """Public values: the application in the browser reads them before anybody signs in."""
    settings = get_settings()
    response.headers["Cache-Control"] = "public, max-age=60"
    return FrontendConfig(
        supabase_url=settings.supabase_url.rstrip("/"),
        supabase_publishable_key=settings.supabase_publishable_key,
    )
