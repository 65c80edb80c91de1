"""The mails that a real Supabase would send, with their codes and links; each works once.

They are kept in memory and shown at `/mails`, like in the mail catcher of Supabase's own stack.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

from devstack.supabase.errors import AuthError
from devstack.supabase.store import User, timestamp

VALID_SECONDS = 3600
MAILS_KEPT = 100
SUBJECTS = {
    "magiclink": "Your sign-in link",
    "signup": "Confirm your address",
    "recovery": "Reset your password",
}


@dataclass
class Mail:
    """One mail, with a code to type and a link with a token hash."""

    to: str
    kind: str  # magiclink, signup or recovery
    code: str
    token_hash: str
    link: str
    sent_at: str = field(default_factory=timestamp)
    # Method and value of the PKCE challenge. If it is set, the link leads to a code for a session.
    challenge: tuple[str, str] | None = None
    used: bool = False

    @property
    def subject(self) -> str:
        """Subject for the list of mails."""
        return SUBJECTS[self.kind]

    @property
    def valid(self) -> bool:
        """Whether code and link still work."""
        return not self.used and self.sent_at > timestamp(-timedelta(seconds=VALID_SECONDS))


@dataclass
class Exchange:
    """User and challenge of a code that a PKCE client exchanges for a session."""

    user_id: str
    challenge: tuple[str, str]


class Mailbox:
    """Every mail since the start, newest last."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self.mails: list[Mail] = []
        self._exchanges: dict[str, Exchange] = {}

    def send(
        self,
        user: User,
        kind: str,
        redirect_to: str = "",
        challenge: tuple[str, str] | None = None,
    ) -> Mail:
        """Add a mail to a user; earlier mails of the same kind become invalid."""
        for mail in self.mails:
            if mail.to == user.email and mail.kind == kind:
                mail.used = True
        token_hash = secrets.token_hex(28)
        query = urlencode({"token": token_hash, "type": kind, "redirect_to": redirect_to})
        mail = Mail(
            to=user.email,
            kind=kind,
            code=f"{secrets.randbelow(10**6):06}",
            token_hash=token_hash,
            link=f"{self._base_url}/auth/v1/verify?{query}",
            challenge=challenge,
        )
        self.mails = [*self.mails[1 - MAILS_KEPT :], mail]
        return mail

    def use(self, kind: str, *, email: str = "", code: str = "", token_hash: str = "") -> Mail:
        """Return the mail with a code or token hash, and mark it as used.

        Raises:
            AuthError: there is no valid mail with it.
        """
        # Clients use the kind `email` for both mails that sign a user in.
        kinds = {"email": {"magiclink", "signup"}}.get(kind, {kind})
        for mail in reversed(self.mails):
            by_code = bool(code) and mail.to == email and hmac.compare_digest(mail.code, code)
            by_hash = bool(token_hash) and hmac.compare_digest(mail.token_hash, token_hash)
            if mail.valid and mail.kind in kinds and (by_code or by_hash):
                mail.used = True
                return mail
        raise AuthError(403, "otp_expired", "Token has expired or is invalid")

    def create_code(self, user: User, challenge: tuple[str, str]) -> str:
        """Create the code that a PKCE client exchanges for a session."""
        code = secrets.token_urlsafe(24)
        self._exchanges[code] = Exchange(user.id, challenge)
        return code

    def redeem(self, code: str, verifier: str) -> str:
        """Return the id of the user for a code and the verifier of its challenge.

        Raises:
            AuthError: the code is unknown, or the verifier does not match.
        """
        exchange = self._exchanges.get(code)
        if exchange is None:
            message = "invalid flow state, no valid flow state found"
            raise AuthError(404, "flow_state_not_found", message)
        method, challenge = exchange.challenge
        given = verifier
        if method.lower() == "s256":
            digest = hashlib.sha256(verifier.encode()).digest()
            given = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not hmac.compare_digest(given, challenge):
            message = "code challenge does not match previously saved code verifier"
            raise AuthError(400, "bad_code_verifier", message)
        del self._exchanges[code]
        return exchange.user_id
