"""What headers of a request identify somebody with: it is hidden in everything that follows."""

from base64 import b64decode

from starlette.datastructures import Headers

from devstack.devpage.recorder import privacy

SHORTEST_COOKIE = 16


def secrets(headers: Headers) -> tuple[str, ...]:
    """Return the secrets in the headers of a request."""
    return tuple(each for name, value in headers.items() for each in _of_header(name, value))


def _of_header(name: str, value: str) -> list[str]:
    if name == "cookie":
        # Short values are words such as `dark`, which other texts may contain.
        values = [part.partition("=")[2].strip().strip('"') for part in value.split(";")]
        return [each for each in values if len(each) >= SHORTEST_COOKIE]
    if not privacy.SECRET_NAME.search(name):
        return []
    # Without words such as `Bearer`, whose removal would hide the shape of another secret.
    scheme, _, credentials = value.rpartition(" ")
    return [value, credentials, *(_password(credentials) if scheme.lower() == "basic" else ())]


def _password(credentials: str) -> list[str]:
    try:
        return [b64decode(credentials).decode().partition(":")[2]]
    except ValueError:
        return []
