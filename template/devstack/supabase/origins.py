"""Origins of this machine: browser apps of other origins have no access."""

import re

LOCAL_ORIGINS = r"https?://([a-z0-9-]+\.)*(localhost|127\.0\.0\.1)(:\d+)?"


def is_local(url: str) -> bool:
    """Return whether a URL belongs to this machine."""
    return re.fullmatch(rf"{LOCAL_ORIGINS}([/?].*)?", url) is not None
