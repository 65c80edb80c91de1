"""The checks that `app doctor` runs for this feature."""

from collections.abc import Callable

from app.core.cli.errors import DoubtfulError
from app.extensions.billing.service.catalogue import catalogue
from app.extensions.billing_credits.service import MONTHLY, PACK, WELCOME


def plans() -> str:
    """Find plans and packs that bring no credits.

    Raises:
        DoubtfulError: a name in `includes` of app/plans.py means nothing, or none is there.
    """
    offered = catalogue()
    named = {name for plan in offered.plans for name in plan.includes}
    packed = {name for pack in offered.packs for name in pack.includes}
    wrong = (named - {MONTHLY, WELCOME}) | (packed - {PACK})
    if wrong:
        raise DoubtfulError(
            f"app/plans.py includes {', '.join(sorted(wrong))}: plans have {MONTHLY} and "
            f"{WELCOME}, packs have {PACK}"
        )
    if not named | packed:
        raise DoubtfulError("no plan or pack in app/plans.py includes credits")
    return "app/plans.py includes credits"


CHECKS: dict[str, Callable[[], str]] = {"credits of plans": plans}
