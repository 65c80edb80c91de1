"""Settings of this feature, `LIMITS_…` in the environment."""

from typing import Annotated, Any

from limits import RateLimitItem, parse
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from app.core.settings import BootSettings, FeatureSettings, load_settings


def _pairs(value: Any) -> Any:
    """Read `a=1, b=2`, as the environment holds it."""
    if not isinstance(value, str):
        return value
    parts = [part.partition("=") for part in value.split(",") if part.strip()]
    if any(not separator for _, separator, _ in parts):
        raise ValueError("write name=value, with commas between several")
    return {name.strip(): text.strip() for name, _, text in parts}


def parse_rate(rate: str) -> RateLimitItem:
    """Read a rate, such as `100/minute` or `5 per 10 seconds`.

    Raises:
        ValueError: it has another form.
    """
    item = parse(rate)
    if item.amount < 1:
        raise ValueError("a rate allows at least one request")
    return item


def _checked(rate: str) -> str:
    parse_rate(rate)
    return rate


def _named(rates: dict[str, str]) -> dict[str, str]:
    if "default" in rates:
        raise ValueError("the rate of default is LIMITS_DEFAULT")
    return rates


Rate = Annotated[str, AfterValidator(_checked)]


class LimitSettings(FeatureSettings, env_prefix="LIMITS_"):
    """The rates, and the tiers by which they are multiplied."""

    enabled: bool = Field(
        default_factory=lambda: load_settings(BootSettings).environment != "test",
        description="Whether requests are limited; default: everywhere but in tests.",
    )
    default: Rate = Field(
        default="600/minute", description="Rate of all routes without a limit of their own."
    )
    rates: Annotated[dict[str, Rate], NoDecode, BeforeValidator(_pairs), AfterValidator(_named)] = (
        Field(
            default_factory=dict,
            description="Other rates of named limits, as reports.render=30/minute, with commas.",
        )
    )
    tiers: Annotated[
        dict[str, Annotated[float, Field(gt=0, le=10_000)]], NoDecode, BeforeValidator(_pairs)
    ] = Field(
        default_factory=dict,
        description="Factor of each tier, as anonymous=0.2,premium=5, with commas.",
    )
    tier_cache_seconds: float = Field(
        default=60.0, ge=0.0, le=3600.0, description="Seconds for which a process caches a tier."
    )


SETTINGS = LimitSettings
