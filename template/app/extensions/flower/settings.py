"""Settings of this feature."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from app.core.settings import FeatureSettings


def _plain(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().isascii():
        raise ValueError("use only ASCII characters")
    return secret


class FlowerSettings(FeatureSettings, env_prefix="FLOWER_"):
    """The sign-in of the page. Only the process that serves the page needs it."""

    user: str = Field(
        default="admin", pattern=r"^[!-9;-~]+$", description="User name, without spaces and colons."
    )
    password: Annotated[SecretStr, AfterValidator(_plain)] | None = Field(
        default=None, min_length=16, description="Password, 16 characters or more."
    )

    def production_problems(self) -> Iterator[tuple[str, str]]:
        """See `SettingsGroup.production_problems`."""
        yield from super().production_problems()
        if self.password and len(set(self.password.get_secret_value())) < 8:
            yield "FLOWER_PASSWORD", "is easy to guess. Generate a random one."


SETTINGS = FlowerSettings
