"""Rows for tests."""

from app.features.items.models import Item
from tests.support.factories import RowFactory


class ItemFactory(RowFactory[Item]):
    """`ItemFactory.build(organization_id=…)` makes an item."""
