"""Why a connection failed, in a sentence that says what to do."""

import re

# What the drivers, TLS and Supabase's pooler say, and what is to be done about it.
_CAUSES = {
    r"does not support SSL|rejected SSL upgrade": (
        "the server speaks no TLS, which DB_SSL_MODE or the address asks for: is it the right one?"
    ),
    r"Hostname mismatch|IP address mismatch|does not match host name": (
        "the server's certificate is made out to another name: take the host name that the "
        "provider shows, no number and no alias"
    ),
    r"has expired": "the server's certificate has expired: renew it there",
    r"certificate verify failed|CERTIFICATE_VERIFY_FAILED|signature failure": (
        "the server's certificate is not signed by the CA in DB_SSL_ROOT_CERT, or has expired: set "
        "it to the server's CA (Supabase: Database Settings, SSL Configuration)"
    ),
    r"SSL connection is required|no encryption": (
        "the server wants TLS: set DB_SSL_MODE=verify-full and DB_SSL_ROOT_CERT"
    ),
    r"[Tt]enant or user not found": (
        "the pooler knows no such project: copy host and user, `postgres.<ref>`, as the dashboard "
        "shows them under Connect"
    ),
    r"MaxClientsInSessionMode|[Mm]ax client connections": (
        "the pooler has no connection left: `uv run app doctor` adds up what this backend takes"
    ),
}


def distrusted(error: BaseException) -> bool:
    """Whether the server answered, and TLS kept us from going on."""
    text = _said(error)
    return any(re.search(cause, text) for cause in list(_CAUSES)[:4])


def explained(error: BaseException) -> str:
    """One line, without a full stop: what is wrong and what to do, else what the driver said."""
    text = _said(error)
    for cause, advice in _CAUSES.items():
        if re.search(cause, text):
            return advice
    return text.strip().partition("\n")[0] or type(error).__name__


def _said(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error)
