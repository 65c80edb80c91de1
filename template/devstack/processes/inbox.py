"""The inbox: a mail server whose mails are shown on a page."""

import base64
import secrets

from devstack.ports import HOST, listen_near, port_of
from devstack.stack import Process, Stack

SMTP_PORT = 1025
PAGE_PORT = 8025


def process(stack: Stack) -> Process | None:
    """Return how to run the inbox, or None if mails leave by another transport."""
    if "EMAIL_URL" in stack.env:
        return None
    smtp, page = listen_near(SMTP_PORT), listen_near(PAGE_PORT)
    prefix = stack.env.get("API_PREFIX", "/api/v1")
    address = f"http://{HOST}:{port_of(page)}"
    # The local Supabase signs its calls of the hooks with it; each start has another one.
    secret = f"v1,whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    return Process(
        name="inbox",
        command=[
            stack.python,
            *("-m", "devstack.inbox", "--smtp-fd", str(smtp.fileno())),
            *("--http-fd", str(page.fileno())),
        ],
        order=5,
        sockets=(smtp, page),
        settings={
            "EMAIL_URL": f"smtp+plain://{HOST}:{port_of(smtp)}",
            "EMAIL_API_URL": stack.site_url,
            "EMAIL_INBOX_URL": address,
            "DEV_MAILS_URL": address,
            "USER_HOOK_SECRETS": stack.env.get("USER_HOOK_SECRETS", secret),
            "DEV_SEND_EMAIL_HOOK": f"{stack.api_url}{prefix}/webhooks/email/send-email",
        },
        addresses={"Mails": address},
    )
