"""Errors of this feature."""

from collections.abc import Sequence

from app.core.errors import (
    AppError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)


class NotSetUpError(ForbiddenError):
    """There is no key for Stripe."""

    code = "billing_not_set_up"

    def __init__(self) -> None:
        super().__init__("Payments are not set up here: BILLING_STRIPE_KEY is missing.")


class StripeUnavailableError(UnavailableError):
    """Stripe does not answer, or has trouble; another try may succeed."""

    code = "stripe_unavailable"

    def __init__(self) -> None:
        super().__init__("The payment service does not answer. Try again later.")


class ObjectMissingError(NotFoundError):
    """Stripe does not know what an event is about, although it has sent the event."""

    code = "stripe_object_missing"

    def __init__(self, object_id: str) -> None:
        super().__init__(
            f"Stripe does not know {object_id}: BILLING_STRIPE_KEY may be of another account."
        )


class StripeRefusedError(AppError):
    """Stripe refuses a request for a reason that the caller can know, such as a declined card."""

    status = 402
    code = "payment_refused"


class UnknownPriceError(InvalidError):
    """The catalogue has no such price, or Stripe does not know it yet."""

    code = "unknown_price"


class AlreadySubscribedError(ConflictError):
    """There is a subscription, which can be changed."""

    code = "already_subscribed"

    def __init__(self) -> None:
        super().__init__("There is a subscription already. Change it instead.")


class NotSubscribedError(ConflictError):
    """There is no subscription."""

    code = "not_subscribed"

    def __init__(self) -> None:
        super().__init__("There is no subscription.")


class FeatureMissingError(AppError):
    """The plan does not have the feature."""

    status = 402
    code = "feature_not_in_plan"

    def __init__(self, feature: str, plan: str, plans: Sequence[str]) -> None:
        super().__init__(
            f"The plan {plan} does not have {feature}.", feature=feature, plan=plan, plans=[*plans]
        )
