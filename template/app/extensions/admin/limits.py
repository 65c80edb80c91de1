"""The site is not limited: it counts attempts to sign in by itself, see `attempts`."""

EXEMPT = ("/admin",)
