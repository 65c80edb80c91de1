"""Where an edit of a template's file could live instead, so that updates never meet it."""

from fnmatch import fnmatch

_MIGRATION = "a migration of your feature: one that was applied must not change"
_FOUND_FIRST = "a file of the same name in your feature, which is found first"
_YOURS = "a file of your own beside it"
# The first pattern that fits a path counts.
_HOMES = {
    "app/main.py": "`middleware.py`, `mount.py`, `lifespan.py` or `routes.py` of a feature",
    "app/worker.py": "`celery.py` or `process.py` of a feature",
    "app/cli.py": "`cli.py` of a feature",
    "app/core/settings/*": "`app/settings.py`, or `settings.py` of a feature",
    "app/core/http/*": "`middleware.py`, `openapi.py` or `deps.py` of a feature",
    "app/core/auth/*": "`tokens.py` or `deps.py` of a feature",
    "app/core/tasks/*": "`celery.py`, `task_headers.py` or `failures.py` of a feature",
    "app/core/migrations/versions/*": _MIGRATION,
    "app/core/*": "a feature: `EXTENSION_POINTS` in `app/core/features.py` lists its modules",
    "app/extensions/*/migrations/*": _MIGRATION,
    "app/extensions/*/templates/*": f"`templates/`: {_FOUND_FIRST}",
    "app/extensions/*/emails/*": f"`emails/`: {_FOUND_FIRST}",
    "app/extensions/*": "a setting of it, or `events.py` of your feature",
    "tests/*": "`tests/features/`, which is yours",
    "pyproject.toml": "`dependencies` or the group `dev`, which are yours",
    "kubernetes/base/*": "a patch in `kubernetes/production/kustomization.yaml`",
    "compose.yaml": "`compose.override.yaml`, which Docker Compose reads as well",
    ".github/workflows/*": f"a workflow: {_YOURS}",
    "docs/*": f"a page: {_YOURS}",
}
_OTHER = "no place yet: propose a setting or a hook to the template, see update --contribute"


def home_of(path: str) -> str:
    """The place for an edit of this file."""
    return next((home for pattern, home in _HOMES.items() if fnmatch(path, pattern)), _OTHER)
