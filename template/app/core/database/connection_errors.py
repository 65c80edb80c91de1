"""Why a connection failed, in one sentence that says what to do."""

import re
from typing import NamedTuple


class Cause(NamedTuple):
    """A known cause of a failed connection."""

    name: str
    pattern: str  # in the message of a driver, of OpenSSL or of Supabase's pooler
    advice: str


# The server answered, and TLS stopped the connection.
TLS_CAUSES = (
    Cause(
        "no_tls",
        r"does not support SSL|rejected SSL upgrade",
        "the server has no TLS, which DB_SSL_MODE or the address requires: is it the right server?",
    ),
    Cause(
        "wrong_host",
        r"Hostname mismatch|IP address mismatch|does not match host name",
        "the server's certificate is issued for another name: use the host name that the "
        "provider shows, not an IP address or an alias",
    ),
    Cause("expired", r"has expired", "the server's certificate has expired: renew it there"),
    # The last one: OpenSSL's messages about a wrong host and an expired certificate match it, too.
    Cause(
        "untrusted",
        r"certificate verify failed|CERTIFICATE_VERIFY_FAILED|signature failure",
        "the server's certificate is not signed by the CA in DB_SSL_ROOT_CERT, or has expired: set "
        "it to the server's CA (Supabase: Database Settings, SSL Configuration)",
    ),
)
# The first cause that matches counts.
CAUSES = (
    *TLS_CAUSES,
    Cause(
        "tls_required",
        r"SSL connection is required|no encryption",
        "the server requires TLS: set DB_SSL_MODE=verify-full and DB_SSL_ROOT_CERT",
    ),
    Cause(
        "unknown_project",
        r"[Tt]enant or user not found",
        "the pooler does not know this project: copy host and user, `postgres.<ref>`, from the "
        "dashboard's Connect dialog",
    ),
    Cause(
        "pooler_full",
        r"MaxClientsInSessionMode|[Mm]ax client connections",
        "the pooler has no free connection: `uv run app doctor` adds up those of this backend",
    ),
)


def find_cause(error: BaseException) -> Cause | None:
    """Return the cause that the error's message tells, if it is a known one."""
    message = _message(error)
    return next((cause for cause in CAUSES if re.search(cause.pattern, message)), None)


def is_tls_failure(error: BaseException) -> bool:
    """Whether the server answered, and TLS stopped the connection."""
    return find_cause(error) in TLS_CAUSES


def explain(error: BaseException) -> str:
    """Return one line without a full stop: an advice, or the driver's message if there is none."""
    if cause := find_cause(error):
        return cause.advice
    return _message(error).strip().partition("\n")[0] or type(error).__name__


def _message(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error)
