"""Sign in by another site (OAuth), which Supabase Auth asks."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.core.errors import NotFoundError
from app.core.settings import load_settings
from app.core.supabase.clients import SupabaseProject
from app.extensions.account.pages.links import prepare
from app.extensions.account.settings import AccountSettings
from app.extensions.sessions.service import auth

router = APIRouter()

# Where the name of the site is not its name for Auth with a capital letter.
NAMES = {
    "azure": "Microsoft",
    "github": "GitHub",
    "gitlab": "GitLab",
    "linkedin_oidc": "LinkedIn",
    "slack_oidc": "Slack",
    "x": "X",
    "workos": "WorkOS",
}


# A link and no form: browsers apply `form-action` of the policy to the redirection, too.
@router.get("/account/with/{provider}")
async def sign_in_with(
    request: Request,
    provider: str,
    supabase: SupabaseProject,
    next: str = "",  # noqa: A002
) -> Response:
    """Lead to the site; it leads back to `/account/follow`."""
    if provider not in dict(providers()):
        raise NotFoundError("There is no such way to sign in.", code="provider_not_found")
    there = auth.provider_address(supabase, provider, **prepare(request, "oauth", next))
    return RedirectResponse(there, 303)


def providers() -> list[tuple[str, str]]:
    """Return the sites by which people may sign in, by their names for Auth and for people."""
    known: list[str] = load_settings(AccountSettings).providers
    return [(each, NAMES.get(each, each.replace("_", " ").capitalize())) for each in known]
