"""The admin site: the API serves it, so there is only an address to show."""

from devstack.stack import Stack


def addresses(stack: Stack) -> dict[str, str]:
    """Return the address of the admin site."""
    return {"Admin site": f"{stack.site_url}/admin/"}
