"""Settings of this feature, `CACHE_…` in the environment."""

from pydantic import Field

from app.core.settings import BootSettings, FeatureSettings, load_settings


class CacheSettings(FeatureSettings, env_prefix="CACHE_"):
    """Whether results are cached, and how large they may be."""

    enabled: bool = Field(
        default_factory=lambda: load_settings(BootSettings).environment != "test",
        description="Whether results are cached; default: everywhere but in tests.",
    )
    max_bytes: int = Field(
        default=1_000_000, ge=1, description="Largest result that is cached, in bytes of JSON."
    )
    process_bytes: int = Field(
        default=16_000_000,
        ge=0,
        description="Bytes of results that each API process holds; 0: it reads all from Redis.",
    )


SETTINGS = CacheSettings
