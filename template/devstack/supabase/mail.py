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

from devstack.supabase.errors import AuthError, invalid
from devstack.supabase.store import User, timestamp

VALID_SECONDS = 3600
EXCHANGE_SECONDS = 300
INTERVAL_SECONDS = 60  # between two mails of one kind to one address
MAILS_KEPT = 100
# What the link of a mail says about the sign-in, in the claim `amr`.
METHODS = {"signup": "email/signup"}
SUBJECTS = {
    "magiclink": "Your sign-in link",
    "signup": "Confirm your address",
    "recovery": "Reset your password",
    "invite": "You have been invited",
    "email_change": "Confirm the change of your address",
    "reauthentication": "Confirm that it is you",
}


@dataclass
class Mail:
    """One mail, with a code to type and a link with a token hash."""

    to: str
    kind: str  # see SUBJECTS
    user_id: str
    code: str
    token_hash: str
    redirect_to: str
    site_url: str
    sent_at: str = field(default_factory=timestamp)
    # Method and value of the PKCE challenge. If it is set, the link leads to a code for a session.
    challenge: tuple[str, str] | None = None
    used: bool = False

    @property
    def subject(self) -> str:
        """Subject for the list of mails."""
        return SUBJECTS[self.kind]

    @property
    def link(self) -> str:
        """Address that signs in."""
        query = {"token": self.token_hash, "type": self.kind, "redirect_to": self.redirect_to}
        return f"{self.site_url}/auth/v1/verify?{urlencode(query)}"

    @property
    def valid(self) -> bool:
        """Whether code and link still work."""
        return not self.used and self.sent_at > timestamp(-timedelta(seconds=VALID_SECONDS))


@dataclass
class Exchange:
    """User, challenge and `amr` method of a code that a PKCE client exchanges for a session."""

    user_id: str
    challenge: tuple[str, str]
    method: str
    created_at: str = field(default_factory=timestamp)


class Mailbox:
    """Every mail since the start, newest last."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self.mails: list[Mail] = []
        self._exchanges: dict[str, Exchange] = {}

    def check_interval(self, to: str, kind: str) -> None:
        """Refuse a mail soon after another one.

        Raises:
            AuthError: less than a minute has passed since the last mail of this kind.
        """
        limit = timestamp(-timedelta(seconds=INTERVAL_SECONDS))
        if any((each.to, each.kind) == (to, kind) and each.sent_at > limit for each in self.mails):
            message = (
                f"For security purposes, you can only request this after {INTERVAL_SECONDS} "
                "seconds."
            )
            raise AuthError(429, "over_email_send_rate_limit", message)

    def create(
        self,
        user: User,
        kind: str,
        redirect_to: str = "",
        challenge: tuple[str, str] | None = None,
        *,
        to: str = "",
    ) -> Mail:
        """Return a mail to a user, or to another address of the user, that is not sent yet."""
        return Mail(
            to=to or user.email,
            kind=kind,
            user_id=user.id,
            code=f"{secrets.randbelow(10**6):06}",
            token_hash=("pkce_" if challenge else "") + secrets.token_hex(28),
            redirect_to=redirect_to,
            site_url=self._base_url,
            challenge=challenge,
        )

    def add(self, mail: Mail) -> None:
        """Add a mail; earlier mails of the same kind to this address become invalid."""
        for each in self.mails:
            if (each.to, each.kind) == (mail.to, mail.kind):
                each.used = True
        self.mails = [*self.mails[1 - MAILS_KEPT :], mail]

    def use(self, kind: str, *, email: str = "", code: str = "", token_hash: str = "") -> Mail:
        """Return the mail with a code or token hash, and mark it as used.

        Raises:
            AuthError: there is no valid mail with it.
        """
        # Clients use the kind `email` for both mails that sign a user in.
        kinds = {"email": {"magiclink", "signup"}}.get(kind, {kind})
        if not kinds <= set(SUBJECTS):
            raise invalid("Invalid email verification type")
        for mail in reversed(self.mails):
            by_code = bool(code) and mail.to == email and hmac.compare_digest(mail.code, code)
            by_hash = bool(token_hash) and hmac.compare_digest(mail.token_hash, token_hash)
            if mail.valid and mail.kind in kinds and (by_code or by_hash):
                mail.used = True
                return mail
        raise AuthError(403, "otp_expired", "Token has expired or is invalid")

    def create_code(self, mail: Mail) -> str:
        """Create the code that a PKCE client exchanges for a session after a link."""
        assert mail.challenge
        return self.new_exchange(mail.user_id, mail.challenge, METHODS.get(mail.kind, mail.kind))

    def new_exchange(self, user_id: str, challenge: tuple[str, str], method: str) -> str:
        """Create a code for a session of a user; see `Exchange`."""
        code = secrets.token_urlsafe(24)
        self._exchanges[code] = Exchange(user_id, challenge, method)
        return code

    def redeem(self, code: str, verifier: str) -> Exchange:
        """Return the exchange of a code and the verifier of its challenge.

        Raises:
            AuthError: the code is unknown or expired, or the verifier does not match.
        """
        if not code or not verifier:
            message = "invalid request: both auth code and code verifier should be non-empty"
            raise invalid(message)
        exchange = self._exchanges.get(code)
        if exchange is None:
            message = "invalid flow state, no valid flow state found"
            raise AuthError(404, "flow_state_not_found", message)
        if exchange.created_at < timestamp(-timedelta(seconds=EXCHANGE_SECONDS)):
            raise AuthError(403, "flow_state_expired", "invalid flow state, flow state has expired")
        method, challenge = exchange.challenge
        given = verifier
        if method.lower() == "s256":
            digest = hashlib.sha256(verifier.encode()).digest()
            given = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not hmac.compare_digest(given.encode(), challenge.encode()):
            message = "code challenge does not match previously saved code verifier"
            raise AuthError(400, "bad_code_verifier", message)
        del self._exchanges[code]
        return exchange
