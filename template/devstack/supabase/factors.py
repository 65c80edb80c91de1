"""Second factors: an authenticator app (TOTP), by the rules of Supabase Auth."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from devstack.supabase import codes
from devstack.supabase.errors import AuthError
from devstack.supabase.sessions import Sessions
from devstack.supabase.store import Factor, Session, Store, User, timestamp

MAX_FACTORS = 10
CHALLENGE_SECONDS = 300


@dataclass
class Challenge:
    """One occasion to enter a code."""

    factor_id: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: str = field(default_factory=timestamp)


class Factors(Sessions):
    """The second factors of one local Supabase."""

    def __init__(self, store: Store, issuer: str) -> None:
        super().__init__(store, issuer)
        self._challenges: dict[str, Challenge] = {}

    def enroll(self, user: User, session: Session, name: str) -> Factor:
        """Add a factor, which counts after the first code of it.

        Raises:
            AuthError: there are too many, the name is taken, or the session lacks the factor that
                the user has.
        """
        if any(each.friendly_name == name for each in user.factors):
            message = f'A factor with the friendly name "{name}" for this user already exists'
            raise AuthError(422, "mfa_factor_name_conflict", message)
        if len(user.factors) >= MAX_FACTORS:
            message = "Maximum number of verified factors reached, unenroll to continue"
            raise AuthError(422, "too_many_enrolled_mfa_factors", message)
        if user.has_factor and not session.factor_id:
            raise AuthError(403, "insufficient_aal", "AAL2 required to enroll a new factor")
        factor = Factor(str(uuid.uuid4()), name, codes.new_secret())
        with self.store.change():
            user.factors.append(factor)
        return factor

    def challenge(self, user: User, factor_id: str) -> Challenge:
        """Return an occasion to enter a code.

        Raises:
            AuthError: the user has no such factor.
        """
        challenge = Challenge(self.factor(user, factor_id).id)
        limit = timestamp(-timedelta(seconds=CHALLENGE_SECONDS))
        kept = {k: v for k, v in self._challenges.items() if v.created_at > limit}
        self._challenges = {**kept, challenge.id: challenge}
        return challenge

    def verify_code(
        self, user: User, session: Session, factor_id: str, challenge_id: str, code: str
    ) -> None:
        """Raise a session to aal2; sessions of the user that are below end.

        Raises:
            AuthError: the code or the challenge is wrong.
        """
        factor = self.factor(user, factor_id)
        challenge = self._challenges.get(challenge_id)
        if challenge is None or challenge.factor_id != factor.id:
            message = "MFA factor with the provided challenge ID not found"
            raise AuthError(422, "mfa_factor_not_found", message)
        if challenge.created_at < timestamp(-timedelta(seconds=CHALLENGE_SECONDS)):
            del self._challenges[challenge_id]
            message = (
                f"MFA challenge {challenge_id} has expired, verify against another challenge or "
                "create a new challenge."
            )
            raise AuthError(422, "mfa_challenge_expired", message)
        if not codes.is_valid(factor.secret, code):
            raise AuthError(422, "mfa_verification_failed", "Invalid TOTP code entered")
        del self._challenges[challenge_id]
        with self.store.change():
            factor.status, factor.updated_at = "verified", timestamp()
            user.factors = [each for each in user.factors if each.status == "verified"]
            session.factor_id, session.factor_at = factor.id, timestamp()
            for each in list(self.store.sessions.values()):
                if each.user_id == user.id and not each.factor_id:
                    del self.store.sessions[each.id]

    def unenroll(self, user: User, session: Session, factor_id: str) -> Factor:
        """Remove a factor; its sessions fall back to aal1 with their next token.

        Raises:
            AuthError: the user has no such factor, or the session lacks a second factor.
        """
        factor = self.factor(user, factor_id)
        if factor.status == "verified" and not session.factor_id:
            raise AuthError(422, "insufficient_aal", "AAL2 required to unenroll verified factor")
        return self.remove_factor(user, factor_id)

    def remove_factor(self, user: User, factor_id: str) -> Factor:
        """Remove a factor, as an administrator may.

        Raises:
            AuthError: the user has no such factor.
        """
        factor = self.factor(user, factor_id)
        with self.store.change():
            user.factors.remove(factor)
            for session in self.store.sessions.values():
                if session.factor_id == factor.id:
                    session.factor_id = session.factor_at = None
        return factor

    def factor(self, user: User, factor_id: str) -> Factor:
        """Return a factor of a user.

        Raises:
            AuthError: the user has no such factor.
        """
        for each in user.factors:
            if each.id == factor_id:
                return each
        raise AuthError(404, "mfa_factor_not_found", "Factor not found")
