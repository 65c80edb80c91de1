"""Dependencies of routes for the access token of the request.

`tokens` decides which tokens are valid. Role and status of the user in this application come from
the table of users, see `app.extensions.users`.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import HTTPConnection

from app.core import context
from app.core.auth.scopes import require_scope
from app.core.auth.tokens import Claims as Claims
from app.core.auth.tokens import TokenVerifier
from app.core.errors import ForbiddenError, UnauthenticatedError
from app.core.features import load

Result = TypeVar("Result")

# OpenAPI allows no spaces in it.
BEARER = "SupabaseAccessToken"
# Marks routes that may be asked without a token. `http.openapi` replaces it in the document.
OPTIONAL_BEARER = "OptionalSupabaseAccessToken"


def verifier_of(request: Request) -> TokenVerifier:
    """Return the verifier of the running API."""
    verifier: TokenVerifier = request.app.state.verifier
    return verifier


def token_of(request: HTTPConnection) -> str | None:
    """Return the access token that a request carries, unverified, or None without one.

    Raises:
        UnauthenticatedError: the header is not `Bearer <access token>`.
    """
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, token = get_authorization_scheme_param(header)
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError("Send `Authorization: Bearer <access token>`.")
    return token


class WithToken(SecurityBase, Generic[Result]):
    """A dependency that verifies the access token and returns the result of `use(request, claims)`.

    The claims are None without a token; `optional` says in the OpenAPI document that `use` accepts
    this. An invalid token is always an error. So are tokens of anonymous users, of OAuth clients
    and of machines, unless they are admitted, and tokens with scopes, unless the route has one of
    them.

    It calls functions instead of depending on them, because FastAPI needs more time to resolve a
    dependency than these functions take.
    """

    scheme_name = BEARER
    model = HTTPBearer(
        bearerFormat="JWT",
        description="An access token of Supabase Auth. Locally: sign in on the page of the local "
        "Supabase that `uv run app dev` prints, or run `uv run app token`.",
    )

    def __init__(
        self,
        use: Callable[[Request, Claims | None], Awaitable[Result]],
        *,
        optional: bool = False,
        anonymous: bool = False,
        oauth_client: bool = False,
        machine: bool = False,
    ) -> None:
        self.use = use
        if optional:
            self.scheme_name = OPTIONAL_BEARER
        self.anonymous = anonymous
        self.oauth_client = oauth_client
        self.machine = machine

    async def __call__(self, request: Request) -> Result:
        """Verify the token of the request and call `use`."""
        token = token_of(request)
        if token is None:
            return await self.use(request, None)
        claims = await _verify(request, token)
        context.user_id.set(str(claims.user_id))
        if claims.is_anonymous and not self.anonymous:
            raise ForbiddenError(
                "Anonymous users may not do this: sign in with an account.", code="account_required"
            )
        if claims.client_id is not None and not self.oauth_client:
            raise ForbiddenError(
                "Applications that act for a user may not do this: sign in yourself.",
                code="oauth_client_refused",
            )
        if claims.is_machine and not self.machine:
            raise ForbiddenError(
                "This is for users, and the token acts for none of them.", code="user_required"
            )
        if claims.scopes is not None:
            require_scope(request, claims.scopes)
        return await self.use(request, claims)


def required(claims: Claims | None) -> Claims:
    """Return the claims; a request without a token is refused."""
    if claims is None:
        raise UnauthenticatedError("Sign in first: send a Supabase access token.")
    return claims


async def _optional(_: Request, claims: Claims | None) -> Claims | None:
    return claims


# The claims of a person who signed in with an account, or None.
OptionalClaims = Annotated[Claims | None, Depends(WithToken(_optional, optional=True))]


async def _verify(request: Request, token: str) -> Claims:
    # Features that issue tokens themselves come first: each recognizes its own without a lookup.
    for _, verify in load("tokens"):
        claims: Claims | None = await verify(request, token)
        if claims:
            return claims
    return await verifier_of(request).verify(token)
