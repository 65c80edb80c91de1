"""Hooks: addresses of an application that Auth calls, and whose answers it waits for."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from devstack.supabase.errors import AuthError
from devstack.supabase.mail import Mail
from devstack.supabase.store import Session, User, timestamp

SECONDS = 5.0
# Claims that a hook must keep.
REQUIRED = ("iss", "aud", "exp", "iat", "sub", "role", "aal", "session_id", "email", "phone")


class Hooks:
    """The hooks that are set.

    Args:
        urls: by the name of the hook: before-user-created, after-user-created,
            custom-access-token, send-email.
        secrets: of all hooks, as `v1,whsec_…` with `|` between several; each signs.
    """

    def __init__(self, urls: Mapping[str, str], secrets: str = "") -> None:
        self.urls = urls
        given = filter(None, secrets.split("|"))
        self._secrets = [Webhook(each.strip().removeprefix("v1,")) for each in given]

    async def before_user_created(self, user: User) -> None:
        """Ask whether the user may be created.

        Raises:
            AuthError: the hook refuses, or fails.
        """
        await self._call("before-user-created", {"user": user.public()})

    async def after_user_created(self, user: User) -> None:
        """Tell that the user was created.

        Raises:
            AuthError: the hook fails.
        """
        await self._call("after-user-created", {"user": user.public()})

    async def change_claims(
        self, user: User, session: Session, claims: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the claims of a token as the hook changes them.

        Raises:
            AuthError: the hook refuses, fails or drops a claim.
        """
        payload = {
            "user_id": user.id,
            "claims": claims,
            "authentication_method": session.method,
        }
        answer = await self._call("custom-access-token", payload)
        if answer is None:
            return claims
        changed = answer.get("claims")
        if not isinstance(changed, dict) or not set(REQUIRED) <= set(changed):
            raise _failed("output claims do not conform to the expected schema")
        return changed

    async def send_email(self, user: User, mail: Mail, new: Mail | None = None) -> None:
        """Let the hook send a mail, or the two of a change: to the old and to the new address.

        Raises:
            AuthError: the hook refuses, or fails.
        """
        data = {
            "token": mail.code,
            "token_hash": mail.token_hash,
            "redirect_to": mail.redirect_to,
            "email_action_type": mail.kind,
            "site_url": mail.site_url,
            "token_new": "",
            "token_hash_new": "",
        }
        if new:
            # Crossed, as in Auth: the hash that is called new belongs to the old address.
            data |= {"token_hash_new": mail.token_hash, "token_hash": new.token_hash}
            data |= {"token_new": new.code}
        await self._call("send-email", {"user": user.public(), "email_data": data})

    async def _call(self, name: str, payload: dict[str, Any]) -> dict[str, Any] | None:
        if name not in self.urls:
            return None
        import httpx  # not at the top: its import takes long, and most servers have no hooks

        about = {"uuid": str(uuid.uuid4()), "time": timestamp(), "name": name}
        body = json.dumps({"metadata": {**about, "ip_address": "127.0.0.1"}, **payload})
        now, message_id = datetime.now(UTC), str(uuid.uuid4())
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            # With a comma, which the specification of webhooks does not have.
            "webhook-signature": ", ".join(
                secret.sign(message_id, now, body) for secret in self._secrets
            ),
        }
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as client:
                response = await client.post(self.urls[name], content=body, headers=headers)
        except httpx.HTTPError:
            message = f"Failed to reach hook within maximum time of {SECONDS:f} seconds"
            raise AuthError(422, "hook_timeout", message) from None
        if response.status_code not in (200, 202, 204):
            raise _failed(f"Unexpected status code returned from hook: {response.status_code}")
        try:
            answer = response.json() if response.content else {}
            refusal = answer.get("error") or {}
        except (ValueError, AttributeError):
            raise _failed("Error unmarshaling JSON output.") from None
        if refusal:
            status = int(refusal.get("http_code") or 500)
            raise AuthError(status, "unknown", str(refusal.get("message", "")))
        return dict(answer)


def _failed(message: str) -> AuthError:
    return AuthError(500, "unexpected_failure", message)
