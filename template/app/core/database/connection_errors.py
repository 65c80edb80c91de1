"""Why a connection failed, in one sentence that says what to do."""

import re
from typing import NamedTuple


class _Cause(NamedTuple):
    pattern: str  # in the message of a driver, of OpenSSL or of Supabase's pooler
    advice: str


# In both lists, the first cause that matches counts.
_TLS_CAUSES = [
    _Cause(
        r"does not support SSL|rejected SSL upgrade",
        "the server has no TLS, which DB_SSL_MODE or the address requires: is it the right server?",
    ),
    _Cause(
        r"Hostname mismatch|IP address mismatch|does not match host name",
        "the server's certificate is issued for another name: use the host name that the "
        "provider shows, not an IP address or an alias",
    ),
    _Cause(r"has expired", "the server's certificate has expired: renew it on the server"),
    # The last one: OpenSSL's messages about a wrong name or an expired certificate match it, too.
    _Cause(
        r"certificate verify failed|CERTIFICATE_VERIFY_FAILED|signature failure",
        "the server's certificate is not signed by the CA in DB_SSL_ROOT_CERT, or has expired: set "
        "it to the server's CA (Supabase: Database Settings, SSL Configuration)",
    ),
]
_OTHER_CAUSES = [
    _Cause(
        r"SSL connection is required|no encryption",
        "the server requires TLS: set DB_SSL_MODE=verify-full and DB_SSL_ROOT_CERT",
    ),
    _Cause(
        r"[Tt]enant or user not found",
        "the pooler does not know this project: copy host and user, `postgres.<ref>`, from the "
        "dashboard's Connect dialog",
    ),
    _Cause(
        r"MaxClientsInSessionMode|[Mm]ax client connections",
        "the pooler has no free connection: `uv run app doctor` adds up those of this backend",
    ),
]


def is_tls_failure(error: BaseException) -> bool:
    """Whether the server answered, and TLS stopped the connection."""
    return _advice(error, _TLS_CAUSES) is not None


def explain(error: BaseException) -> str:
    """Return one line without a full stop: an advice, or the driver's message if there is none."""
    first_line = _message(error).strip().partition("\n")[0]
    return _advice(error, _TLS_CAUSES + _OTHER_CAUSES) or first_line or type(error).__name__


def _message(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error)


def _advice(error: BaseException, causes: list[_Cause]) -> str | None:
    message = _message(error)
    return next((cause.advice for cause in causes if re.search(cause.pattern, message)), None)
