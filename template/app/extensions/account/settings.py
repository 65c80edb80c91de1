"""Settings of this feature, `ACCOUNT_…` in the environment."""

import re

from pydantic import Field, field_validator

from app.core.settings import CommaList, FeatureSettings

PROVIDER = re.compile("[a-z][a-z0-9_]{0,30}")


class AccountSettings(FeatureSettings, env_prefix="ACCOUNT_"):
    """How people sign in."""

    providers: CommaList = Field(default_factory=list)
    """Sites by which people may sign in, such as google,github, as Supabase calls them."""

    @field_validator("providers")
    @classmethod
    def _check_providers(cls, providers: list[str]) -> list[str]:
        for each in providers:
            if not PROVIDER.fullmatch(each):
                raise ValueError(f"{each!r} is not the name of a provider, such as google")
        return providers


SETTINGS = AccountSettings
