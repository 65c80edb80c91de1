"""The base class of the factories with which tests create rows."""

from datetime import datetime
from typing import Any, TypeVar

from polyfactory.factories.sqlalchemy_factory import SQLAlchemyFactory
from sqlmodel.sql.sqltypes import UTCDateTime

from app.core.database.models import Model, utcnow

Row = TypeVar("Row", bound=Model)


class RowFactory(SQLAlchemyFactory[Row]):
    """`build(...)` makes a row that is not stored yet; fields not given are random and valid."""

    __is_base_factory__ = True
    __set_relationships__ = False
    __set_foreign_keys__ = False

    @classmethod
    def get_sqlalchemy_types(cls) -> dict[Any, Any]:
        """Times with a time zone: the columns refuse others."""
        return {**super().get_sqlalchemy_types(), UTCDateTime: utcnow, datetime: utcnow}
