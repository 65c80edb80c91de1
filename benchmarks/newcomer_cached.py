"""The list of `newcomer.py`, cached for each user."""

from app.extensions.cache.service import Cached
from newcomer import app, list_items

app.router.routes.clear()
app.get("/api/v1/items")(Cached(expires=3600, tags=("items",))(list_items))
