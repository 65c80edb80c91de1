"""Rows for tests."""

from app.extensions.users.models import User
from tests.support.factories import RowFactory


class UserFactory(RowFactory[User]):
    """`UserFactory.build(email=…)` makes a user."""
