"""What `app doctor` says about credits in app/plans.py."""

from dataclasses import replace

import pytest

from app.core.cli.errors import DoubtfulError
from app.extensions.billing_credits import checks
from tests.extensions.billing_credits.plans import CATALOGUE

NOTHING = replace(
    CATALOGUE,
    plans=tuple(replace(plan, includes={}) for plan in CATALOGUE.plans),
    packs=(),
)
TYPO = replace(
    CATALOGUE, plans=(CATALOGUE.plans[0], replace(CATALOGUE.plans[1], includes={"monthly": 1}))
)


def test_names_that_mean_nothing_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "catalogue", lambda: CATALOGUE)
    assert checks.plans()
    for wrong in (NOTHING, TYPO):
        monkeypatch.setattr(checks, "catalogue", lambda wrong=wrong: wrong)
        with pytest.raises(DoubtfulError):
            checks.plans()
