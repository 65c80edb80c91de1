"""Static files are not limited: a page names several, and caches keep them."""

EXEMPT = ("/static",)
