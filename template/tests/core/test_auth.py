"""Which access tokens are believed: the good ones, and no other."""

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

from app.core import auth
from app.core.auth import LEEWAY, TokenVerifier
from app.core.errors import UnauthenticatedError, UnavailableError
from app.core.settings import get_settings
from tests.core.signing import RSA_KEY, Key, KeyServer, key_server

Build = Callable[[KeyServer], str]


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with key_server() as server:
        yield server


@pytest.fixture
def verifier(server: KeyServer, http: httpx.AsyncClient) -> TokenVerifier:
    return TokenVerifier(get_settings().model_copy(update={"supabase_url": server.url}), http)


async def test_a_good_token(verifier: TokenVerifier, server: KeyServer) -> None:
    user, session = str(uuid4()), str(uuid4())
    token = server.token(sub=user, session_id=session, aal="aal2")
    claims = await verifier.verify(token)
    assert claims.user_id == UUID(user)
    assert (claims.email, claims.assurance, claims.session_id) == (
        "ada@example.com",
        "aal2",
        session,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["authenticated", "other"]},
        {"email": ""},
        {"email": None, "phone": None, "is_anonymous": None, "aal": None},
    ],
)
async def test_what_else_is_good(
    verifier: TokenVerifier, server: KeyServer, changes: dict[str, Any]
) -> None:
    await verifier.verify(server.token(**changes))


async def test_clocks_may_differ(verifier: TokenVerifier, server: KeyServer) -> None:
    now = int(time.time())
    await verifier.verify(server.token(exp=now - LEEWAY + 10))
    await verifier.verify(server.token(iat=now + LEEWAY - 10))
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(server.token(exp=now - LEEWAY - 1))


async def test_rsa_keys_are_good_too(verifier: TokenVerifier, server: KeyServer) -> None:
    server.keys.append(Key(algorithm="RS256", private=RSA_KEY))
    await verifier.verify(server.token())


def encoded(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def hs256(secret: bytes, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Signed by hand: PyJWT refuses to take a public key for a secret."""
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT', **header})}.{encoded(claims)}"
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def with_claims(**changes: Any) -> Build:
    return lambda server: server.token(**changes)


def with_header(**header: Any) -> Build:
    return lambda server: server.keys[0].sign(server.claims(), **header)


def unsigned(server: KeyServer) -> str:
    header = {"alg": "none", "typ": "JWT", "kid": server.keys[0].kid}
    return f"{encoded(header)}.{encoded(server.claims())}."


def public_key_as_secret(server: KeyServer) -> str:
    pem = (
        server.keys[0]
        .private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return hs256(pem, {"kid": server.keys[0].kid}, server.claims())


def public_key_as_secret_under_the_keys_algorithm(server: KeyServer) -> str:
    pem = (
        server.keys[0]
        .private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return hs256(pem, {"kid": server.keys[0].kid, "alg": "ES256"}, server.claims())


def another_algorithm_than_the_keys(server: KeyServer) -> str:
    return Key("RS256", server.keys[0].kid, RSA_KEY).sign(server.claims())


def another_key_of_that_name(server: KeyServer) -> str:
    return Key(kid=server.keys[0].kid).sign(server.claims())


def unknown_key(server: KeyServer) -> str:
    return Key().sign(server.claims())


def published_key_of_a_weak_kind(server: KeyServer) -> str:
    key = Key("ES384", private=ec.generate_private_key(ec.SECP384R1()))
    server.keys.append(key)
    return key.sign(server.claims())


def published_secret(server: KeyServer) -> str:
    """Never seen at Supabase; were it published, everybody could sign."""
    secret = b"s" * 32
    entry = {"kty": "oct", "kid": "shared", "alg": "HS256", "k": encoded(secret)}
    server.body = json.dumps({"keys": [server.keys[0].jwk(), entry]}).encode()
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
    "signed by a stranger": another_key_of_that_name,
    "unknown key": unknown_key,
    "published key of a kind not asked for": published_key_of_a_weak_kind,
    "published secret": published_secret,
    "published secret, called ES256": published_secret_under_another_name,
    "legacy service_role key": legacy_service_role,
    "changed payload": changed_payload,
    "cut signature": cut_signature,
    "no kid": with_header(kid=None),
    "unknown crit": with_header(crit=["b64"], b64=False),
    "unknown crit of one's own": with_header(crit=["x"], x=1),
    "other audience": with_claims(aud="anon"),
    "no audience": with_claims(aud=None),
    "other issuer": with_claims(iss="https://evil.example/auth/v1"),
    "issuer with a slash more": lambda server: server.token(iss=f"{server.issuer}/"),
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
    "anonymous": with_claims(is_anonymous=True),
    "anonymous in words": with_claims(is_anonymous="true"),
    "of an OAuth client": with_claims(client_id=str(uuid4())),
    "secret key as a token": lambda _: "sb_secret_abcdefghijklmnopqrstuvwxyz",
    "two parts": lambda server: server.token().rpartition(".")[0],
    "four parts": lambda server: f"{server.token()}.x",
    "header is no JSON": lambda _: f"{encoded(b'{')}.e30.AA",
    "header is no object": lambda _: f"{encoded([])}.e30.AA",
    "header is no UTF-8": lambda _: f"{encoded(bytes([255]))}.e30.AA",
    "kid is a number": lambda _: f"{encoded({'alg': 'ES256', 'kid': 7})}.e30.AA",
    "kid is a list": lambda _: f"{encoded({'alg': 'ES256', 'kid': []})}.e30.AA",
    "no header at all": lambda _: "..",
    "nothing": lambda _: "",
    "not ASCII": lambda _: "ü.ü.ü",
}


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED)
async def test_a_bad_token_is_refused_and_not_told_why(
    verifier: TokenVerifier, server: KeyServer, build: Build
) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        await verifier.verify(build(server))
    assert (caught.value.code, caught.value.detail) == (
        "invalid_token",
        "The access token is not valid.",
    )
    # The verifier as such is well: what was refused is the token.
    await verifier.verify(server.keys[0].sign(server.claims()))


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
async def test_what_cannot_be_good_costs_no_fetch(
    verifier: TokenVerifier, server: KeyServer, build: Build
) -> None:
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(build(server))
    assert server.fetches == 0


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk"])
async def test_keys_that_a_token_brings_are_not_looked_at(
    verifier: TokenVerifier, server: KeyServer, name: str
) -> None:
    with key_server() as evil:
        forger = evil.keys[0]
        forger.kid = server.keys[0].kid
        url = f"{evil.issuer}/.well-known/jwks.json"
        token = forger.sign(server.claims(), **{name: forger.jwk() if name == "jwk" else url})
        with pytest.raises(UnauthenticatedError):
            await verifier.verify(token)
        assert evil.fetches == 0


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


async def test_a_token_that_was_good_expires(
    verifier: TokenVerifier, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    expires = int(time.time()) + 60
    token = server.token(exp=expires)
    await verifier.verify(token)

    class Later:
        @staticmethod
        def time() -> float:
            return now

    monkeypatch.setattr(auth, "time", Later)
    now = expires + LEEWAY - 1.0
    await verifier.verify(token)
    now = expires + LEEWAY + 1.0
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(token)


async def test_a_token_that_was_good_goes_with_its_key(
    verifier: TokenVerifier, server: KeyServer
) -> None:
    revoked = server.token()
    await verifier.verify(revoked)
    server.keys = [Key()]
    # A new set comes with its time or, as here, when it is asked for.
    verifier.keys.purge()
    await verifier.verify(server.token())
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(revoked)


async def test_a_key_that_changed_under_its_name_ends_its_tokens(
    verifier: TokenVerifier, server: KeyServer
) -> None:
    old = server.token()
    await verifier.verify(old)
    server.keys = [Key(kid=server.keys[0].kid)]
    verifier.keys.purge()
    await verifier.verify(server.token())
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(old)


async def test_without_any_key_nobody_is_called_a_liar(
    verifier: TokenVerifier, server: KeyServer
) -> None:
    server.status = 500
    with pytest.raises(UnavailableError):
        await verifier.verify(server.token())


async def test_the_memory_is_bounded(
    verifier: TokenVerifier, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verifier._seen.maxsize == auth.CACHED_TOKENS
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(unknown_key(server))
    # Bad ones take no place in it.
    assert len(verifier._seen) == 0
