"""Errors of this feature."""

from datetime import datetime

from app.core.database.models import utcnow
from app.core.errors import AppError, ConflictError, InvalidError, UnavailableError
from app.core.settings import load_settings
from app.extensions.credits.settings import CreditSettings


class InsufficientCreditsError(AppError):
    """The balance is too low."""

    status = 402
    code = "insufficient_credits"

    def __init__(self, required: int, available: int) -> None:
        url = load_settings(CreditSettings).more_url
        more = {"more": str(url)} if url else {}
        missing = required - available
        super().__init__(
            f"This requires {required} credits and the balance is {available}: {missing} are "
            "missing. " + (f"Get more at {url}" if url else "Ask an admin for more."),
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
            f"The tier {tier} allows {limit} charges a day, and all are used. The next day starts "
            f"at {midnight.isoformat()}."
        )
        self.retry_after = max(1, int((midnight - utcnow()).total_seconds()) + 1)


class KeyReusedError(InvalidError):
    """The idempotency key belongs to another request."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key belongs to another request. Use a new key.")


class InProgressError(ConflictError):
    """The first request with this idempotency key has not ended."""

    code = "charge_in_progress"

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is in progress. Wait until it ends.")


class AlreadyChargedError(ConflictError):
    """The request with this idempotency key was carried out and paid for."""

    code = "already_charged"

    def __init__(self) -> None:
        super().__init__("The request with this Idempotency-Key was carried out and paid for.")


class HoldEndedError(ConflictError):
    """The hold has ended, which happens only once."""

    code = "hold_ended"

    def __init__(self) -> None:
        super().__init__("This hold was committed or released, or it has expired.")


class NoRateError(UnavailableError):
    """No rate is set for the operation, so it cannot be used."""

    code = "no_rate"

    def __init__(self, operation: str) -> None:
        super().__init__(f"No rate is set for {operation}. An admin has to set one.")
