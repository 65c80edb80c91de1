"""What `app/plans.py` writes into `includes` of plans and packs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PlanCredits:
    """Credits of a plan."""

    monthly: int  # for each seat; a yearly price grants twelve months at once
    welcome: int = 0  # once for each holder, also when the subscription starts with a trial


@dataclass(frozen=True)
class PackCredits:
    """Credits of a pack."""

    amount: int
