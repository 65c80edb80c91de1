"""Runs what a person does on a page, like a request to the API."""

from collections.abc import Callable

from devstack.stripe.errors import StripeError
from devstack.stripe.services import Services


def perform(found: Services, action: Callable[[], object]) -> StripeError | None:
    """Run an action in a transaction, and return its error if there is one."""
    account = found.account
    account.request = {"id": None, "idempotency_key": None}
    failure = None
    try:
        with account.store.transaction() as changed:
            try:
                action()
            except StripeError as error:
                # The traces of a declined payment stay.
                if not error.keep:
                    raise
                failure = error
            account.run_follow_ups()
    except StripeError as error:
        account.forget_follow_ups()
        return error
    found.agenda.add(changed)
    found.deliveries.wake()
    return failure
