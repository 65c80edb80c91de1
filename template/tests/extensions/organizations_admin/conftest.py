"""Fixtures of these tests."""

from tests.extensions.organizations.conftest import tenants as tenants
