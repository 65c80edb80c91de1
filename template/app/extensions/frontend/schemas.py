"""Response models of this feature."""

from pydantic import Field

from app.core.http.schemas import ResponseModel


class FrontendConfig(ResponseModel):
    """What the application in the browser has to know about this deployment."""

    supabase_url: str = Field(description="Address of the Supabase project, without a slash.")
    supabase_publishable_key: str = Field(description="Its public API key.")
