"""Fixtures of these tests."""

from tests.extensions.billing.conftest import (  # noqa: F401 - fixtures
    billing_environment,
    configured,
    local_stripe,
    plans,
    shop,
)
