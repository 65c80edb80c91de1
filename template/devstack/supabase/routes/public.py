"""Public keys, health and settings."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.access import services


async def key_set(request: Request) -> Response:
    """List the public keys."""
    keys = [key.jwk() for key in services(request).auth.store.published_keys]
    return JSONResponse({"keys": keys}, headers={"Cache-Control": "public, max-age=600"})


async def health(_: Request) -> Response:
    """Return name and version."""
    about = "Local stand-in for Supabase Auth"
    return JSONResponse({"version": "local", "name": "GoTrue", "description": about})


async def settings(request: Request) -> Response:
    """Return the ways to sign in."""
    return JSONResponse(
        {
            "external": {"email": True, "phone": False, "anonymous_users": True},
            "disable_signup": False,
            "mailer_autoconfirm": services(request).autoconfirm,
            "phone_autoconfirm": False,
            "sms_provider": "",
            "saml_enabled": False,
            "passkeys_enabled": services(request).passkeys,
        }
    )


# The key set needs no API key.
open_routes = [Route("/.well-known/jwks.json", key_set)]
routes = [Route("/health", health), Route("/settings", settings)]
