"""Passkeys (WebAuthn), by the rules of Supabase Auth, where they are in beta.

The rules, codes and answers are those of `internal/api/passkey_*.go` in github.com/supabase/auth,
read in November 2026, and of the types in `@supabase/auth-js` 2.109. A passkey is discoverable, and
signs in without an address and to `aal1`. A challenge counts once. What differs: the relying party
is `localhost`, for which browsers allow passkeys without TLS; attestations are not asked for, and
each new passkey is called `Passkey`, since the names of authenticators are not known here.
"""

import base64
import json
import re
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from devstack.supabase.errors import AuthError, invalid
from devstack.supabase.factors import Factors
from devstack.supabase.store import Passkey, Session, Store, User, seconds_of, timestamp

MAX_PASSKEYS = 10
CHALLENGE_SECONDS = 300
RELYING_PARTY = "localhost"
ORIGINS = re.compile(r"https?://([a-z0-9-]+\.)*localhost(:\d+)?")


@dataclass
class Ceremony:
    """A challenge for one registration or sign-in."""

    challenge: bytes
    user_id: str  # empty for a sign-in
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    expires_at: str = field(default_factory=lambda: timestamp(timedelta(seconds=CHALLENGE_SECONDS)))

    def public(self, options: str) -> dict[str, Any]:
        """Return it as in the API, with the options for the browser."""
        return {
            "challenge_id": self.id,
            "options": json.loads(options),
            "expires_at": seconds_of(self.expires_at),
        }


class Passkeys(Factors):
    """The passkeys of one local Supabase."""

    def __init__(self, store: Store, issuer: str) -> None:
        super().__init__(store, issuer)
        self._ceremonies: dict[str, Ceremony] = {}

    def begin_registration(self, user: User, session: Session) -> dict[str, Any]:
        """Return a challenge for a new passkey.

        Raises:
            AuthError: the user is anonymous or has too many, or the session lacks the second
                factor that the user has.
        """
        import webauthn  # not at the top: its import takes long, and most runs use no passkeys
        from webauthn.helpers import structs

        self._check_management(user, session)
        _check_number(user)
        options = webauthn.generate_registration_options(
            rp_id=RELYING_PARTY,
            rp_name="Local Supabase",
            user_id=user.id.encode(),
            user_name=user.email,
            user_display_name=str(user.user_metadata.get("name") or user.email),
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED
            ),
            exclude_credentials=[
                structs.PublicKeyCredentialDescriptor(id=decoded(each.credential_id))
                for each in user.passkeys
            ],
        )
        ceremony = self._begin(options.challenge, user.id)
        return ceremony.public(webauthn.options_to_json(options))

    def finish_registration(
        self, user: User, session: Session, challenge_id: str, credential: object
    ) -> Passkey:
        """Add the passkey that an authenticator has created.

        Raises:
            AuthError: the challenge or the credential is wrong.
        """
        import webauthn

        self._check_management(user, session)
        ceremony = self._take(challenge_id, user.id)
        sent = _object(credential)
        with Verifying():
            verified = webauthn.verify_registration_response(
                credential=sent,
                expected_challenge=ceremony.challenge,
                expected_rp_id=RELYING_PARTY,
                expected_origin=_origin(sent),
            )
        _check_number(user)
        credential_id = encoded(verified.credential_id)
        if self._owner(credential_id):
            message = "This credential is already registered"
            raise AuthError(422, "webauthn_credential_exists", message)
        public_key = encoded(verified.credential_public_key)
        passkey = Passkey(str(uuid.uuid4()), credential_id, public_key, verified.sign_count)
        with self.store.change():
            user.passkeys.append(passkey)
        return passkey

    def begin_authentication(self) -> dict[str, Any]:
        """Return a challenge for a sign-in."""
        import webauthn

        options = webauthn.generate_authentication_options(rp_id=RELYING_PARTY)
        return self._begin(options.challenge).public(webauthn.options_to_json(options))

    def finish_authentication(self, challenge_id: str, credential: object) -> User:
        """Return the user whose passkey has signed the challenge.

        Raises:
            AuthError: the challenge or the signature is wrong, or the address is not confirmed.
        """
        import webauthn

        ceremony = self._take(challenge_id)
        sent = _object(credential)
        with Verifying():
            credential_id = encoded(decoded(str(sent["id"])))
            handle = decoded(str(sent["response"]["userHandle"])).decode()
            user = self._owner(credential_id)
            if user is None or user.id != handle:
                raise ValueError("no such passkey")
            passkey = next(each for each in user.passkeys if each.credential_id == credential_id)
            verified = webauthn.verify_authentication_response(
                credential=sent,
                expected_challenge=ceremony.challenge,
                expected_rp_id=RELYING_PARTY,
                expected_origin=_origin(sent),
                credential_public_key=decoded(passkey.public_key),
                credential_current_sign_count=passkey.sign_count,
            )
        if user.email_confirmed_at is None:
            raise AuthError(403, "email_not_confirmed", "Email not confirmed")
        with self.store.change():
            passkey.sign_count, passkey.last_used_at = verified.new_sign_count, timestamp()
        return user

    def rename_passkey(self, user: User, passkey_id: str, name: str) -> Passkey:
        """Give a passkey another name.

        Raises:
            AuthError: the name is empty or too long, or the user has no such passkey.
        """
        if not name:
            raise invalid("friendly_name is required")
        if len(name.encode()) > 120:
            raise invalid("friendly_name must be 120 characters or less")
        passkey = _passkey(user, passkey_id)
        with self.store.change():
            passkey.friendly_name = name
        return passkey

    def remove_passkey(self, user: User, passkey_id: str, session: Session | None = None) -> None:
        """Remove a passkey; an administrator may do so without a session.

        Raises:
            AuthError: the user has no such passkey, or the session lacks a second factor.
        """
        if session:
            self._check_management(user, session)
        with self.store.change():
            user.passkeys.remove(_passkey(user, passkey_id))

    def _check_management(self, user: User, session: Session) -> None:
        if user.is_anonymous:
            message = "Anonymous user not allowed to perform these actions"
            raise AuthError(403, "no_authorization", message)
        if user.has_factor and not session.factor_id:
            message = "AAL2 session is required to manage passkeys when MFA is enabled"
            raise AuthError(403, "insufficient_aal", message)

    def _begin(self, challenge: bytes, user_id: str = "") -> Ceremony:
        ceremony = Ceremony(challenge, user_id)
        # One that has just expired is answered with that.
        limit = timestamp(-timedelta(seconds=CHALLENGE_SECONDS))
        kept = {k: v for k, v in self._ceremonies.items() if v.expires_at > limit}
        self._ceremonies = {**kept, ceremony.id: ceremony}
        return ceremony

    def _take(self, challenge_id: str, user_id: str = "") -> Ceremony:
        if not challenge_id:
            raise invalid("challenge_id is required")
        ceremony = self._ceremonies.get(challenge_id)
        if ceremony is None or ceremony.user_id != user_id:
            message = "Challenge not found or already used"
            raise AuthError(400, "webauthn_challenge_not_found", message)
        del self._ceremonies[challenge_id]
        if ceremony.expires_at < timestamp():
            raise AuthError(400, "webauthn_challenge_expired", "Challenge has expired")
        return ceremony

    def _owner(self, credential_id: str) -> User | None:
        return next(
            (
                user
                for user in self.store.users.values()
                if any(each.credential_id == credential_id for each in user.passkeys)
            ),
            None,
        )


class Verifying:
    """Turns every failure of a check into the one answer that Auth gives.

    A credential comes from outside and may have any shape.
    """

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, Exception):
            message = "Credential verification failed"
            raise AuthError(400, "webauthn_verification_failed", message) from error


def encoded(value: bytes) -> str:
    """Write bytes as base64url without padding, as WebAuthn does."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Read what `encoded` has written."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _check_number(user: User) -> None:
    if len(user.passkeys) >= MAX_PASSKEYS:
        raise AuthError(422, "too_many_passkeys", "Maximum number of passkeys reached")


def _passkey(user: User, passkey_id: str) -> Passkey:
    for each in user.passkeys:
        if each.id == passkey_id:
            return each
    raise AuthError(404, "validation_failed", "Passkey not found")


def _object(credential: object) -> dict[str, Any]:
    if credential is None:
        raise invalid("credential is required")
    if not isinstance(credential, dict):
        raise AuthError(400, "webauthn_verification_failed", "Invalid credential response")
    return credential


def _origin(credential: dict[str, Any]) -> str:
    """Return the origin that the browser names, if it is one of this machine."""
    client = json.loads(decoded(credential["response"]["clientDataJSON"]))
    origin = str(client["origin"])
    return origin if ORIGINS.fullmatch(origin) else f"https://{RELYING_PARTY}"
