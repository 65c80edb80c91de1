"""Sign-in by another site (OAuth): a page of this server takes the place of every provider."""

import html
import re
from typing import Any
from urllib.parse import urlencode

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from devstack.supabase.access import services
from devstack.supabase.errors import AuthError, invalid
from devstack.supabase.fields import validate_email
from devstack.supabase.origins import is_local
from devstack.supabase.signing_in import add_user, sign_in

PROVIDER = re.compile("[a-z][a-z0-9_]{0,30}")
PARAMETERS = ("provider", "redirect_to", "code_challenge", "code_challenge_method")
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Local {provider}</title>
<h1>Local {provider}</h1><p>No account of {provider} is asked: choose who you are.</p>
<form method="post">{fields}
<label>E-mail address <input name="email" type="email" value="ada@example.com" required></label>
<button name="answer" value="allow">Continue</button>
<button name="answer" value="refuse" formnovalidate>Refuse</button></form></html>"""


class Authorize(HTTPEndpoint):
    """The provider."""

    async def get(self, request: Request) -> Response:
        """Ask who the person is."""
        given = {name: request.query_params.get(name, "") for name in PARAMETERS}
        provider = _provider(given["provider"])
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}">'
            for name, value in given.items()
        )
        headers = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
        return HTMLResponse(PAGE.format(provider=provider, fields=fields), headers=headers)

    async def post(self, request: Request) -> Response:
        """Lead back to the app, with a code for a session, a session, or an error."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        provider, target = _provider(form.get("provider", "")), form.get("redirect_to", "")
        # Another site could take over the session.
        target = target if is_local(target) else str(request.base_url)
        challenge = form.get("code_challenge", "")
        if form.get("answer") != "allow":
            refusal = {"error": "access_denied", "error_description": "The user refused"}
            return _redirect(target, refusal, in_query=bool(challenge))
        auth = services(request).auth
        email = validate_email(form.get("email", ""))
        user = auth.store.by_email(email)
        if user is None:
            user = auth.new_user(email)
            user.app_metadata = {"provider": provider, "providers": [provider]}
            await add_user(request, user)
        elif provider not in user.app_metadata.get("providers", ()):
            with auth.store.change():
                known = user.app_metadata.get("providers", [])
                user.app_metadata = {**user.app_metadata, "providers": [*known, provider]}
        if challenge:
            method = form.get("code_challenge_method") or "plain"
            mailbox = services(request).mailbox
            code = mailbox.new_exchange(user.id, (method, challenge), "oauth")
            return _redirect(target, {"code": code}, in_query=True)
        session = await sign_in(request, user, "oauth")
        del session["user"]
        return _redirect(target, session, in_query=False)


def _provider(name: str) -> str:
    if not name:
        raise invalid("Unsupported provider: missing provider")
    if not PROVIDER.fullmatch(name):
        raise AuthError(400, "validation_failed", f"Unsupported provider: {name!r} is not known")
    return name


def _redirect(target: str, values: dict[str, Any], *, in_query: bool) -> Response:
    sign = ("&" if "?" in target else "?") if in_query else "#"
    return RedirectResponse(f"{target}{sign}{urlencode(values)}", 303)


# A browser comes here by a link, without an API key.
open_routes = [Route("/authorize", Authorize)]
