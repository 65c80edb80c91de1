"""Cached routes of this feature. A change of the table makes the answers invalid."""

from app.extensions.cache.service import Cached

CACHED = {"list_tiers": Cached(expires=300, public=True, tags=("credits_tiers",))}
