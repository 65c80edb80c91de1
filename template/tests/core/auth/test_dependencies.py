"""Access tokens: valid ones are accepted, and no others."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from httpx import AsyncClient
from jwt.algorithms import ECAlgorithm
from pydantic import SecretStr

from app.core.auth import tokens
from app.core.auth.tokens import LEEWAY, TokenVerifier
from app.core.errors import UnauthenticatedError, UnavailableError
from app.core.settings import get_settings
from devstack.supabase import LocalSupabase
from devstack.supabase.keys import SigningKey
from tests.core.auth.signing import KeyServer, key_server

Build = Callable[[KeyServer], str]

ME = "/api/v1/users/me"


@pytest.fixture
def server(supabase: LocalSupabase) -> Iterator[KeyServer]:
    with key_server(supabase) as server:
        yield server


@pytest.fixture
def verifier(server: KeyServer, http: httpx.AsyncClient) -> TokenVerifier:
    return TokenVerifier(get_settings().model_copy(update={"supabase_url": server.url}), http)


async def test_a_valid_token(verifier: TokenVerifier, server: KeyServer) -> None:
    user, session = str(uuid4()), str(uuid4())
    token = server.token(sub=user, session_id=session, aal="aal2")
    claims = await verifier.verify(token)
    assert claims.user_id == UUID(user)
    assert (claims.email, claims.assurance, claims.session_id) == (
        "ada@example.com",
        "aal2",
        session,
    )


@pytest.fixture
def served(app: FastAPI, verifier: TokenVerifier) -> Iterator[TokenVerifier]:
    """Give the API a new verifier, which has fetched no key."""
    usual = app.state.verifier
    app.state.verifier = verifier
    yield verifier
    app.state.verifier = usual


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["authenticated", "other"]},
        {"email": ""},
        {"email": None, "phone": None, "is_anonymous": None, "aal": None},
    ],
)
async def test_other_valid_tokens(
    verifier: TokenVerifier, server: KeyServer, changes: dict[str, Any]
) -> None:
    await verifier.verify(server.token(**changes))


async def test_clocks_may_differ(verifier: TokenVerifier, server: KeyServer) -> None:
    now = int(time.time())
    await verifier.verify(server.token(exp=now - LEEWAY + 10))
    await verifier.verify(server.token(iat=now + LEEWAY - 10))
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(server.token(exp=now - LEEWAY - 1))


async def test_rsa_keys_are_accepted(verifier: TokenVerifier, server: KeyServer) -> None:
    server.keys.append(SigningKey.create("RS256"))
    await verifier.verify(server.token())


def encoded(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def hs256(secret: bytes, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Sign without PyJWT, which refuses a public key as a secret."""
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT', **header})}.{encoded(claims)}"
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def with_claims(**changes: Any) -> Build:
    return lambda server: server.token(**changes)


def with_header(**header: Any) -> Build:
    return lambda server: server.keys[0].sign(server.claims(), **header)


def named(key: SigningKey, server: KeyServer) -> SigningKey:
    """Give the key the id of the published key."""
    key.kid = server.keys[0].kid
    return key


def unsigned(server: KeyServer) -> str:
    header = {"alg": "none", "typ": "JWT", "kid": server.keys[0].kid}
    return f"{encoded(header)}.{encoded(server.claims())}."


def public_pem(server: KeyServer) -> bytes:
    return server.keys[0].public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def public_key_as_secret(server: KeyServer) -> str:
    pem = public_pem(server)
    return hs256(pem, {"kid": server.keys[0].kid}, server.claims())


def public_key_as_secret_under_the_keys_algorithm(server: KeyServer) -> str:
    pem = public_pem(server)
    return hs256(pem, {"kid": server.keys[0].kid, "alg": "ES256"}, server.claims())


def another_algorithm_than_the_keys(server: KeyServer) -> str:
    return named(SigningKey.create("RS256"), server).sign(server.claims())


def another_key_of_that_name(server: KeyServer) -> str:
    return named(SigningKey.create(), server).sign(server.claims())


def unknown_key(server: KeyServer) -> str:
    return SigningKey.create().sign(server.claims())


def published_key_of_another_kind(server: KeyServer) -> str:
    key = ec.generate_private_key(ec.SECP384R1())
    entry = {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "p384", "alg": "ES384"}
    server.answer(body=json.dumps({"keys": [server.keys[0].jwk(), entry]}).encode())
    return jwt.encode(server.claims(), key, "ES384", headers={"kid": "p384"})


def published_secret(server: KeyServer) -> str:
    """Supabase never publishes a secret: anyone could sign with it."""
    secret = b"s" * 32
    entry = {"kty": "oct", "kid": "shared", "alg": "HS256", "k": encoded(secret)}
    server.answer(body=json.dumps({"keys": [server.keys[0].jwk(), entry]}).encode())
    return hs256(secret, {"kid": "shared"}, server.claims())


def published_secret_under_another_name(server: KeyServer) -> str:
    published_secret(server)
    return hs256(b"s" * 32, {"kid": "shared", "alg": "ES256"}, server.claims())


def legacy_service_role(server: KeyServer) -> str:
    claims = {"iss": "supabase", "ref": "abc", "role": "service_role", "iat": 1, "exp": 4e9}
    return hs256(b"super-secret-jwt-token-with-at-least-32-characters-long", {}, claims)


def changed_payload(server: KeyServer) -> str:
    header, _, signature = server.token().split(".")
    return f"{header}.{encoded(server.claims())}.{signature}"


def cut_signature(server: KeyServer) -> str:
    return server.token()[:-4]


REFUSED: dict[str, Build] = {
    "alg none": unsigned,
    "HS256 with the public key": public_key_as_secret,
    "HS256 with the public key, called ES256": public_key_as_secret_under_the_keys_algorithm,
    "RS256 for an ES256 key": another_algorithm_than_the_keys,
    "signed by another key": another_key_of_that_name,
    "unknown key": unknown_key,
    "published key with another algorithm": published_key_of_another_kind,
    "published secret": published_secret,
    "published secret, called ES256": published_secret_under_another_name,
    "legacy service_role key": legacy_service_role,
    "changed payload": changed_payload,
    "cut signature": cut_signature,
    "no kid": with_header(kid=None),
    "unknown crit": with_header(crit=["b64"], b64=False),
    "another unknown crit": with_header(crit=["x"], x=1),
    "other audience": with_claims(aud="anon"),
    "no audience": with_claims(aud=None),
    "other issuer": with_claims(iss="https://evil.example/auth/v1"),
    "issuer with another slash": lambda server: server.token(iss=f"{server.issuer}/"),
    "no issuer": with_claims(iss=None),
    "no expiry": with_claims(exp=None),
    "expired": with_claims(exp=1_000_000_000),
    "no time of issue": with_claims(iat=None),
    "issued in the future": with_claims(iat=4_000_000_000),
    "not valid yet": with_claims(nbf=4_000_000_000),
    "no subject": with_claims(sub=None),
    "subject is no UUID": with_claims(sub="admin"),
    "role service_role": with_claims(role="service_role"),
    "role anon": with_claims(role="anon"),
    "no role": with_claims(role=None),
    "role in a list": with_claims(role=["authenticated"]),
    "secret key as a token": lambda _: "sb_secret_abcdefghijklmnopqrstuvwxyz",
    "two parts": lambda server: server.token().rpartition(".")[0],
    "four parts": lambda server: f"{server.token()}.x",
    "header is no JSON": lambda _: f"{encoded(b'{')}.e30.AA",
    "header is no object": lambda _: f"{encoded([])}.e30.AA",
    "header is no UTF-8": lambda _: f"{encoded(bytes([255]))}.e30.AA",
    "kid is a number": lambda _: f"{encoded({'alg': 'ES256', 'kid': 7})}.e30.AA",
    "kid is a list": lambda _: f"{encoded({'alg': 'ES256', 'kid': []})}.e30.AA",
    "no header at all": lambda _: "..",
    "alg is a list": lambda _: f"{encoded({'alg': [], 'kid': 'x'})}.e30.AA",
    "empty": lambda _: "",
    "not ASCII": lambda _: "ü.ü.ü",
}


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED)
async def test_an_invalid_token_is_refused_without_a_reason(
    client: AsyncClient,
    server: KeyServer,
    build: Build,
    served: TokenVerifier,
) -> None:
    token = build(server).encode("latin-1", "replace")
    answer = await client.get(ME, headers=[(b"authorization", b"Bearer " + token)])
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    body = answer.json()
    if token:
        expected = tokens._invalid_token()
        assert (body["code"], body["detail"]) == (expected.code, expected.detail)
    # The verifier still works.
    good = server.keys[0].sign(server.claims())
    assert (await client.get(ME, headers={"Authorization": f"Bearer {good}"})).status_code == 200


@pytest.mark.parametrize(
    "build",
    [
        legacy_service_role,
        with_header(kid=None),
        public_key_as_secret,
        lambda _: "sb_secret_abcdefghijklmnopqrstuvwxyz",
    ],
    ids=["legacy key", "no kid", "HS256", "secret key"],
)
async def test_a_token_that_cannot_be_valid_causes_no_fetch(
    verifier: TokenVerifier, server: KeyServer, build: Build
) -> None:
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(build(server))
    assert server.fetches == 0


LEGACY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def legacy(server: KeyServer, http: httpx.AsyncClient) -> TokenVerifier:
    """The verifier of a project that signs with its legacy secret."""
    settings = get_settings().model_copy(
        update={"supabase_url": server.url, "supabase_jwt_secret": SecretStr(LEGACY)}
    )
    return TokenVerifier(settings, http)


async def test_the_legacy_secret_excludes_published_keys(
    legacy: TokenVerifier, verifier: TokenVerifier, server: KeyServer
) -> None:
    for header in ({}, {"kid": "whatever"}):
        token = hs256(LEGACY.encode(), header, server.claims())
        assert (await legacy.verify(token)).email == "ada@example.com"
        with pytest.raises(UnauthenticatedError):
            await verifier.verify(token)
    # Also if the project publishes the key.
    with pytest.raises(UnauthenticatedError):
        await legacy.verify(server.token())
    await legacy.warm_up()
    legacy.purge()


@pytest.mark.parametrize(
    "build",
    [
        unsigned,
        public_key_as_secret,
        public_key_as_secret_under_the_keys_algorithm,
        lambda server: hs256(LEGACY.encode()[:-1], {}, server.claims()),
        lambda server: hs256(LEGACY.encode(), {}, server.claims(role="service_role")),
        lambda server: hs256(LEGACY.encode(), {}, server.claims(aud=None)),
        lambda server: hs256(LEGACY.encode(), {}, server.claims(exp=1_000_000_000)),
        lambda server: hs256(LEGACY.encode(), {"alg": "HS512"}, server.claims()),
        lambda _: hs256(
            LEGACY.encode(),
            {},
            {"iss": "supabase", "ref": "abc", "role": "service_role", "iat": 1, "exp": 4e9},
        ),
    ],
)
async def test_tokens_that_the_legacy_mode_refuses(
    legacy: TokenVerifier, server: KeyServer, build: Build
) -> None:
    with pytest.raises(UnauthenticatedError):
        await legacy.verify(build(server))
    assert server.fetches == 0


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk"])
async def test_keys_in_a_token_are_ignored(
    verifier: TokenVerifier, server: KeyServer, name: str
) -> None:
    forger = named(SigningKey.create(), server)
    evil = "/evil/jwks.json"
    server.supabase.traffic.fail(evil, 200, body=json.dumps({"keys": [forger.jwk()]}).encode())
    header = {name: forger.jwk() if name == "jwk" else f"{server.url}{evil}"}
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(forger.sign(server.claims(), **header))
    assert server.supabase.traffic.calls[evil] == 0


async def test_a_token_is_verified_once(
    verifier: TokenVerifier, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []
    decode = jwt.decode

    def counted(token: str, *args: Any, **options: Any) -> Any:
        decoded.append(token)
        return decode(token, *args, **options)

    monkeypatch.setattr(jwt, "decode", counted)
    token = server.token()
    first = await verifier.verify(token)
    assert await verifier.verify(token) is first
    assert decoded == [token]
    await verifier.verify(server.token())
    assert len(decoded) == 2


async def test_a_cached_token_expires(
    verifier: TokenVerifier, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    expires = int(time.time()) + 60
    token = server.token(exp=expires)
    await verifier.verify(token)

    class Later:
        @staticmethod
        def time() -> float:
            return now

    monkeypatch.setattr(tokens, "time", Later)
    now = expires + LEEWAY - 1.0
    await verifier.verify(token)
    now = expires + LEEWAY + 1.0
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(token)


async def test_a_cached_token_ends_with_its_key(verifier: TokenVerifier, server: KeyServer) -> None:
    revoked = server.token()
    await verifier.verify(revoked)
    server.keys[:] = [SigningKey.create()]
    # A purge replaces the set before its time.
    verifier.purge()
    await verifier.verify(server.token())
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(revoked)


async def test_a_key_that_changed_under_its_id_ends_its_tokens(
    verifier: TokenVerifier, server: KeyServer
) -> None:
    old = server.token()
    await verifier.verify(old)
    server.keys[:] = [named(SigningKey.create(), server)]
    verifier.purge()
    await verifier.verify(server.token())
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(old)


async def test_without_any_key_a_token_is_not_called_invalid(
    verifier: TokenVerifier, server: KeyServer
) -> None:
    server.answer(500)
    with pytest.raises(UnavailableError):
        await verifier.verify(server.token())


async def test_the_cache_is_bounded(
    verifier: TokenVerifier, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verifier._verified.maxsize == tokens.CACHED_TOKENS
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(unknown_key(server))
    # Invalid tokens are not cached.
    assert len(verifier._verified) == 0
