"""Rows for tests."""

from app.features.items.models import Item
from tests.support.factories import RowFactory


class ItemFactory(RowFactory[Item]):
    """`ItemFactory.build(owner_id=…)` makes an item."""
