"""The fixtures of billing, with a catalogue that has credits."""

import pytest

from tests.extensions.billing.conftest import (  # noqa: F401 - fixtures
    billing_environment,
    configured,
    local_stripe,
    shop,
)


@pytest.fixture
def plans() -> str:
    return "tests.extensions.billing_credits.plans"
