"""The flags that the features declare."""

from functools import cache

from app.core.features import FeatureError, load
from app.extensions.flags.schemas import Flag


@cache
def declared() -> dict[str, Flag]:
    """Return the flags of all loaded features by name, sorted.

    Raises:
        FeatureError: a name does not begin with that of its feature, or two flags share one.
    """
    found: dict[str, Flag] = {}
    for feature, module in load("flags"):
        for flag in getattr(module, "FLAGS", ()):
            if flag.name in found or not flag.name.startswith(f"{feature.name}."):
                raise FeatureError(
                    f"The flag '{flag.name}' of '{feature.name}' must be unique and begin with "
                    f"'{feature.name}.'."
                )
            found[flag.name] = flag
    return dict(sorted(found.items()))


def declaration(name: str) -> Flag:
    """Return a flag.

    Raises:
        FeatureError: no feature declares it.
    """
    if name not in declared():
        raise FeatureError(f"No feature declares the flag '{name}' in its flags.py.")
    return declared()[name]
