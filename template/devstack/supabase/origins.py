"""Who counts as this machine: a page of the internet is no browser app of the developer."""

import re

LOCAL_ORIGINS = r"https?://([a-z0-9-]+\.)*(localhost|127\.0\.0\.1)(:\d+)?"


def is_local(address: str) -> bool:
    """Tell whether an address is one of this machine."""
    return re.fullmatch(rf"{LOCAL_ORIGINS}([/?].*)?", address) is not None
