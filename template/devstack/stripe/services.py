"""What the routes of the server need."""

from dataclasses import dataclass

from starlette.requests import Request

from devstack.stripe.account import Account
from devstack.stripe.api import Api
from devstack.stripe.billing.agenda import Agenda
from devstack.stripe.deliveries import Deliveries
from devstack.stripe.timekeeper import Timekeeper


@dataclass(frozen=True)
class Services:
    """The parts of one server."""

    account: Account
    api: Api
    agenda: Agenda
    deliveries: Deliveries
    timekeeper: Timekeeper


def services(request: Request) -> Services:
    """Return the parts of the server that got a request."""
    found: Services = request.app.state.services
    return found
