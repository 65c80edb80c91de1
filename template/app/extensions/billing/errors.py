"""Errors of this feature."""

from collections.abc import Sequence
from typing import Protocol

from app.core.errors import (
    AppError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)


class Named(Protocol):
    """A plan of the catalogue."""

    @property
    def key(self) -> str:
        """How the code names it."""

    @property
    def name(self) -> str:
        """How people name it."""


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


class SeatsInUseError(ConflictError):
    """More people use the plan than there would be seats."""

    code = "seats_in_use"

    def __init__(self, people: int, seats: int, plan: str) -> None:
        super().__init__(
            f"{people} people use the plan, and {plan} would have {seats} "
            f"{'seat' if seats == 1 else 'seats'}. Choose at least {people} seats, or remove "
            f"{'one of them' if people - seats == 1 else f'{people - seats} of them'} first.",
            people=people,
            seats=seats,
        )


class NoSeatLeftError(AppError):
    """All seats of the plan are taken."""

    status = 402
    code = "no_seat_left"

    def __init__(self, seats: int, plan: str) -> None:
        taken = "The one seat" if seats == 1 else f"All {seats} seats"
        super().__init__(
            f"{taken} of the plan {plan} {'is' if seats == 1 else 'are'} taken; open invitations "
            "count, too. Whoever manages payments can add seats or change the plan. A member who "
            "is removed and an invitation that is revoked free a seat.",
            seats=seats,
            plan=plan,
        )


class FeatureMissingError(AppError):
    """The plan does not have the feature."""

    status = 402
    code = "feature_not_in_plan"

    def __init__(self, feature: str, plan: Named, plans: Sequence[Named]) -> None:
        super().__init__(
            f"The plan {plan.key} does not have {feature}.",
            feature=feature,
            plan=plan.key,
            plans=[each.key for each in plans],
            plan_names=[each.name for each in plans],
        )
