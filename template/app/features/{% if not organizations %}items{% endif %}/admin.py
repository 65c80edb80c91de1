"""Items on the admin site."""

from typing import ClassVar

from app.extensions.admin.filters import day_range
from app.extensions.admin.views import View
from app.features.items.models import Item


class ItemAdmin(View, model=Item):
    """The items of all users."""

    icon = "fa-solid fa-table"
    title_column = "title"
    can_edit = True
    can_delete = True
    form_columns: ClassVar = ["title", "notes", "done"]
    column_list: ClassVar = ["title", "done", "owner_id", "created_at"]
    column_details_list = "__all__"
    column_searchable_list: ClassVar = ["title"]
    column_sortable_list: ClassVar = ["title", "created_at"]
    column_default_sort: ClassVar = ("created_at", True)
    column_filters: ClassVar = [*day_range(Item.created_at)]
