"""The folders of the features that have pages."""

from pathlib import Path

from app.core.features import Feature, load


def folders(name: str) -> list[Path]:
    """Return `templates/` or `static/` of each feature with a `pages.py`.

    Of two files with the same name, the one in the first folder is taken. So the features of the
    team come first, and this feature comes last.
    """
    own = Path(__file__).parent

    def rank(feature: Feature) -> tuple[bool, bool]:
        return feature.path == own, not feature.package.startswith("app.features.")

    found = sorted((feature for feature, _ in load("pages")), key=rank)
    return [each.path / name for each in found if (each.path / name).is_dir()]
