"""Refusals of this feature."""

from datetime import datetime

from app.core.database.models import utcnow
from app.core.errors import AppError, ConflictError, InvalidError, UnavailableError
from app.core.settings import load_settings
from app.extensions.credits.settings import CreditSettings


class InsufficientCreditsError(AppError):
    """The balance does not reach."""

    status = 402
    code = "insufficient_credits"

    def __init__(self, required: int, available: int) -> None:
        url = load_settings(CreditSettings).more_url
        more = {"more": str(url)} if url else {}
        missing = required - available
        super().__init__(
            f"This takes {required} credits, and {available} are there: {missing} are missing. "
            + (f"Get more at {url}" if url else "Ask an admin for more."),
            required=required,
            available=available,
            missing=missing,
            **more,
        )
        self.available = available


class DailyLimitError(AppError):
    """The tier allows no more charges today."""

    status = 429
    code = "daily_limit"

    def __init__(self, tier: str, limit: int, midnight: datetime) -> None:
        super().__init__(
            f"The tier {tier} allows {limit} charges a day, and they are used up: "
            f"go on after {midnight.isoformat()}."
        )
        self.retry_after = max(1, int((midnight - utcnow()).total_seconds()) + 1)


class KeyReusedError(InvalidError):
    """One Idempotency-Key for two things."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key belongs to another request: make a new one.")


class InProgressError(ConflictError):
    """The first request with this key has not ended."""

    code = "charge_in_progress"

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is being carried out: wait for it.")


class AlreadyChargedError(ConflictError):
    """The request with this key was carried out and paid for."""

    code = "already_charged"

    def __init__(self) -> None:
        super().__init__("The request with this Idempotency-Key has been carried out and paid for.")


class HoldEndedError(ConflictError):
    """A hold ends once."""

    code = "hold_ended"

    def __init__(self) -> None:
        super().__init__("This hold has ended: it was committed, released or has expired.")


class NoRateError(UnavailableError):
    """Nobody said what the operation costs, and then it is not to be had."""

    code = "no_rate"

    def __init__(self, operation: str) -> None:
        super().__init__(f"There is no rate for {operation} yet: an admin has to set one.")
