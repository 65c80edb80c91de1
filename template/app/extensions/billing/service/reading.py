"""What events are about, read anew at Stripe: an event may be old, and events come in any order.

Everything here is HTTP and holds no transaction.
"""

from dataclasses import dataclass, field
from typing import Any

import stripe

from app.extensions.billing.service.client import id_of, is_missing
from app.extensions.billing.service.prices import Known, read_price

# Of a dispute: the money is back, or was never taken, as during an inquiry.
# Source: https://docs.stripe.com/disputes/how-disputes-work
HARMLESS = ("won", "prevented", "warning_needs_response", "warning_under_review", "warning_closed")


@dataclass
class ReadLine:
    """A line of an invoice, with its price."""

    line: stripe.InvoiceLineItem
    price: Known


@dataclass
class ReadInvoice:
    """An invoice; with all its lines as soon as it is paid."""

    invoice: stripe.Invoice
    payment_intent: str | None
    lines: list[ReadLine] = field(default_factory=list)


@dataclass
class Found:
    """What an event was about, as it is now."""

    customer: stripe.Customer | None = None
    subscription: stripe.Subscription | None = None
    invoice: ReadInvoice | None = None
    payment: stripe.PaymentIntent | None = None
    charge: stripe.Charge | None = None
    returned: int = 0  # of all payments of the invoice
    fraud: bool = False  # there is a warning about the charge

    @property
    def customer_id(self) -> str | None:
        """The customer that all of it belongs to."""
        if self.customer:
            return self.customer.id
        invoice = self.invoice.invoice if self.invoice else None
        for each in (self.subscription, invoice, self.charge, self.payment):
            if each is not None and each.customer:
                return id_of(each.customer)
        return None


async def read(client: stripe.StripeClient, kind: str, object_id: str) -> Found | None:
    """Read what an event of a type is about. None if it does not exist any more.

    Raises:
        app.extensions.billing.errors.StripeUnavailableError: another try may succeed.
    """
    try:
        return await _read(client, kind, object_id)
    except stripe.InvalidRequestError as error:
        if is_missing(error):
            return None
        raise


async def _read(client: stripe.StripeClient, kind: str, object_id: str) -> Found:
    if kind.startswith("customer.subscription."):
        return Found(subscription=await client.v1.subscriptions.retrieve_async(object_id))
    if kind in ("customer.updated", "customer.deleted"):
        return Found(customer=await client.v1.customers.retrieve_async(object_id))
    if kind.startswith("invoice."):
        return await _of_invoice(client, object_id)
    if kind.startswith("checkout.session."):
        return await _of_checkout(client, object_id)
    if kind.startswith("payment_intent."):
        # A search for its invoice finds nothing with the key of another account, and says nothing.
        payment = await client.v1.payment_intents.retrieve_async(object_id)
        invoice = await _invoice_of_payment(client, object_id)
        return await _of_invoice(client, invoice) if invoice else Found(payment=payment)
    if kind.startswith("charge.dispute."):
        dispute = await client.v1.disputes.retrieve_async(object_id)
        return await _of_charge(client, dispute.charge)
    if kind.startswith("refund."):
        refund = await client.v1.refunds.retrieve_async(object_id)
        return await _of_charge(client, refund.charge)
    if kind.startswith("radar.early_fraud_warning."):
        warning = await client.v1.radar.early_fraud_warnings.retrieve_async(object_id)
        found = await _of_charge(client, warning.charge)
        found.fraud = True
        return found
    return await _of_charge(client, object_id)


async def read_invoice(client: stripe.StripeClient, invoice_id: str) -> ReadInvoice:
    """Read an invoice, and all its lines if it is paid."""
    invoice = await client.v1.invoices.retrieve_async(invoice_id, {"expand": ["payments"]})
    lines: list[ReadLine] = []
    if invoice.status == "paid":
        items: Any = invoice.lines.data
        if invoice.lines.has_more:
            page = await client.v1.invoices.line_items.list_async(invoice_id, {"limit": 100})
            items = [line async for line in page.auto_paging_iter()]
        for line in items:
            details = line.pricing.price_details if line.pricing else None
            lines.append(ReadLine(line, await read_price(client, details and details.price)))
    return ReadInvoice(invoice, _payment_of(invoice), lines)


async def _of_invoice(client: stripe.StripeClient, invoice_id: str) -> Found:
    found = Found(invoice=await read_invoice(client, invoice_id))
    assert found.invoice
    if subscription := subscription_of(found.invoice.invoice):
        found.subscription = await client.v1.subscriptions.retrieve_async(subscription)
    return found


async def _of_checkout(client: stripe.StripeClient, session_id: str) -> Found:
    session = await client.v1.checkout.sessions.retrieve_async(session_id)
    found = Found()
    if subscription := id_of(session.subscription):
        found.subscription = await client.v1.subscriptions.retrieve_async(subscription)
    if invoice := id_of(session.invoice):
        found.invoice = await read_invoice(client, invoice)
        # The invoice of a pack does not name the payment in all versions of the API.
        found.invoice.payment_intent = found.invoice.payment_intent or id_of(session.payment_intent)
    return found


async def _of_charge(client: stripe.StripeClient, reference: Any) -> Found:
    """Read a charge, the invoice that it has paid, and what went back of all that was paid."""
    charge_id = id_of(reference)
    if charge_id is None:
        return Found()
    found = Found(charge=await client.v1.charges.retrieve_async(charge_id))
    assert found.charge
    found.returned = await _returned(client, found.charge)
    if payment := id_of(found.charge.payment_intent):
        invoice = await _invoice_of_payment(client, payment)
        if invoice:
            found.invoice = await read_invoice(client, invoice)
            found.invoice.payment_intent = payment
            for other in _payments(found.invoice.invoice, "paid"):
                if other != payment:
                    charges = await client.v1.charges.list_async({"payment_intent": other})
                    found.returned += sum([await _returned(client, each) for each in charges.data])
    return found


async def _returned(client: stripe.StripeClient, charge: stripe.Charge) -> int:
    """Return how much of a charge went back: what was refunded, and what is disputed."""
    disputed = 0
    if charge.disputed:
        page = await client.v1.disputes.list_async({"charge": charge.id, "limit": 100})
        disputed = sum(each.amount for each in page.data if each.status not in HARMLESS)
    return min(charge.amount_refunded + disputed, charge.amount)


async def _invoice_of_payment(client: stripe.StripeClient, payment: str) -> str | None:
    """Return the id of the invoice that a payment has paid: of a subscription, or of a pack."""
    paid: Any = {"payment": {"type": "payment_intent", "payment_intent": payment}}
    for each in (await client.v1.invoice_payments.list_async(paid)).data:
        return id_of(each.invoice)
    sessions = await client.v1.checkout.sessions.list_async({"payment_intent": payment})
    return next((id_of(each.invoice) for each in sessions.data if each.invoice), None)


def subscription_of(invoice: stripe.Invoice) -> str | None:
    """Return the id of the subscription that an invoice is for."""
    details = invoice.parent.subscription_details if invoice.parent else None
    return id_of(details.subscription) if details else None


def _payment_of(invoice: stripe.Invoice) -> str | None:
    """Return the id of the payment, also of one that waits; a cancelled one says nothing."""
    return next(iter([*_payments(invoice, "paid"), *_payments(invoice, "open")]), None)


def _payments(invoice: stripe.Invoice, status: str) -> list[str]:
    """Return the ids of the payments of an invoice in a status; there may be several."""
    found = invoice.payments.data if invoice.payments else ()
    ids = [id_of(each.payment.payment_intent) for each in found if each.status == status]
    return [each for each in ids if each]
