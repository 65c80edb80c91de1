"""`python -m devstack.supabase`: the local Supabase as a separate process.

What is secret or belongs to a project comes from the environment: see
`devstack.services.SUPABASE_VALUES`.
"""

import argparse
import os
import socket
import sys
from pathlib import Path

from devstack.errors import DevStackError
from devstack.supabase.server import LocalSupabase
from devstack.supabase.storage.buckets import PROJECT_LIMIT

HOOKS = ("before-user-created", "after-user-created", "custom-access-token")


def main() -> int:
    """Serve until a signal arrives, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devstack.supabase", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the listening socket")
    parser.add_argument(
        "--state", type=Path, default=None, help="file for users, sessions and keys"
    )
    parser.add_argument("--api-url", default="", help="address of the API, for hooks")
    parser.add_argument("--site-url", default="", help="the same for the sign-in page")
    options = parser.parse_args()
    env = {name: value for name, value in os.environ.items() if value}
    keys = {
        name.lower().removeprefix("supabase_"): env[name]
        for name in ("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY")
        if name in env
    }
    try:
        server = LocalSupabase(
            options.state,
            listening=socket.socket(fileno=options.fd),
            api_url=options.site_url,
            mails_url=env.get("DEV_MAILS_URL", ""),
            autoconfirm=env.get("DEV_CONFIRM_EMAILS", "false").lower() not in ("1", "true", "yes"),
            hooks=hook_urls(options.api_url, env),
            hook_secrets=env.get("USER_HOOK_SECRETS", ""),
            storage_limit=int(env.get("DEV_STORAGE_LIMIT", PROJECT_LIMIT)),
            **keys,
        )
    except (DevStackError, ValueError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    server.serve()
    return 0


def hook_urls(api_url: str, env: dict[str, str]) -> dict[str, str]:
    """Return the URLs of the hooks: those of this backend, if it has the secrets for them."""
    if "USER_HOOK_SECRETS" not in env:
        return {}
    base = f"{api_url}{env.get('API_PREFIX', '/api/v1')}/webhooks/users"
    urls = {name: f"{base}/{name}" for name in HOOKS}
    if own := env.get("DEV_SEND_EMAIL_HOOK"):
        urls["send-email"] = own
    return urls


if __name__ == "__main__":
    sys.exit(main())
