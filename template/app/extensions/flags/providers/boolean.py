"""A provider whose flags are on or off."""

from typing import Any, NoReturn

from openfeature.exception import TypeMismatchError
from openfeature.provider import AbstractProvider, Metadata


class BooleanProvider(AbstractProvider):
    """Refuses texts, numbers and objects, for which OpenFeature then returns the default."""

    name = ""

    def get_metadata(self) -> Metadata:
        """See `AbstractProvider`."""
        return Metadata(self.name)

    def resolve_string_details(self, flag_key: str, *_: Any, **__: Any) -> NoReturn:
        """See the class."""
        _refuse(flag_key)

    def resolve_integer_details(self, flag_key: str, *_: Any, **__: Any) -> NoReturn:
        """See the class."""
        _refuse(flag_key)

    def resolve_float_details(self, flag_key: str, *_: Any, **__: Any) -> NoReturn:
        """See the class."""
        _refuse(flag_key)

    def resolve_object_details(self, flag_key: str, *_: Any, **__: Any) -> NoReturn:
        """See the class."""
        _refuse(flag_key)


def _refuse(name: str) -> NoReturn:
    raise TypeMismatchError(f"The flag {name} is on or off, and has no other value.")
