"""The admin site, which the API serves: nothing to run, an address to show."""

from devstack.stack import Stack


def addresses(stack: Stack) -> dict[str, str]:
    """Say where it is."""
    return {"Admin site": f"{stack.api_url}/admin/"}
