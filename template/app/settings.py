"""Your settings: add fields here; an update of the template never touches this file."""

from app.core.settings import CoreSettings


class Settings(CoreSettings):
    """Everything the process reads from its environment: see `.env.example`."""
