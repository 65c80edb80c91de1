"""Events of this feature for analytics: how many items are added and completed."""

from uuid import UUID

from app.extensions.analytics.service import Event


class ItemCreated(Event, name="item_created", on="items.created"):
    """Somebody has added an item."""

    item_id: UUID


class ItemCompleted(Event, name="item_completed", on="items.completed"):
    """Somebody has marked items as done."""

    count: int
