"""Links of this feature on the home page."""

LINKS = {"Admin site": "/admin/"}
