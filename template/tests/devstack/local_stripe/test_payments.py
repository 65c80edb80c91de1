"""Payments, refunds, disputes and warnings of fraud."""

from typing import Any

import pytest
import stripe

from tests.devstack.local_stripe.world import START, World


def pay(world: World, card: str = "visa", **more: Any) -> Any:
    return world.api.payment_intents.create(
        {
            "amount": 2000,
            "currency": "usd",
            "confirm": True,
            "payment_method": f"pm_card_{card}",
            **more,
        }
    )


def test_a_payment(world: World) -> None:
    intent = pay(world, metadata={"order": "7"}, expand=["latest_charge.balance_transaction"])
    charge = intent.latest_charge
    assert (intent.status, charge.status, charge.paid) == ("succeeded", "succeeded", True)
    assert (charge.metadata.order, charge.payment_method_details.card.last4) == ("7", "4242")
    assert charge.balance_transaction.net == 2000 - 88
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.payment_intents.confirm(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("card", "code", "decline"),
    [
        ("chargeDeclined", "card_declined", "generic_decline"),
        ("chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
def test_a_declined_payment_can_be_tried_again(
    world: World, card: str, code: str, decline: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(world, card)
    assert caught.value.http_status == 402
    assert caught.value.code == code
    error: Any = caught.value.error
    assert error.decline_code == decline
    identity = error.payment_intent.id
    assert world.api.payment_intents.retrieve(identity).status == "requires_payment_method"
    paid = world.api.payment_intents.confirm(identity, {"payment_method": "pm_card_visa"})
    assert paid.status == "succeeded"
    assert [each.status for each in world.api.charges.list().data] == ["succeeded", "failed"]


def test_refunds_add_up(world: World) -> None:
    intent = pay(world)
    first = world.api.refunds.create(
        {"payment_intent": intent.id, "amount": 500, "reason": "requested_by_customer"}
    )
    charge = world.api.charges.retrieve(first.charge, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (500, False)
    assert [each.id for each in charge.refunds.data] == [first.id]
    with pytest.raises(stripe.InvalidRequestError):
        world.api.refunds.create({"charge": charge.id, "amount": 1501})
    world.api.refunds.create({"charge": charge.id})
    assert world.api.charges.retrieve(charge.id).refunded is True
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.refunds.create({"charge": charge.id})
    assert caught.value.code == "charge_already_refunded"
    events = world.api.events.list({"type": "charge.refunded"}).data
    before = [each.data.previous_attributes.amount_refunded for each in events]
    assert before == [500, 0]


def test_a_refund_can_fail_later(world: World) -> None:
    intent = pay(world, "refundFail")
    refund = world.api.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    world.control("POST", "advance", {"seconds": 3600})
    failed = world.api.refunds.retrieve(refund.id, {"expand": ["charge"]})
    assert (failed.status, failed.charge.refunded, failed.charge.amount_refunded) == (
        "failed",
        False,
        0,
    )
    assert world.events("refund.") == ["refund.created", "refund.updated", "refund.failed"]


@pytest.mark.parametrize(
    ("evidence", "status", "moved"),
    [("winning_evidence", "won", [-2000, 2000]), ("losing_evidence", "lost", [-2000])],
)
def test_a_dispute_is_won_or_lost(
    world: World, evidence: str, status: str, moved: list[int]
) -> None:
    pay(world, "createDispute")
    dispute = world.api.disputes.list().data[0]
    assert (dispute.status, dispute.amount) == ("needs_response", 2000)
    assert world.api.charges.retrieve(dispute.charge).disputed
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.refunds.create({"charge": dispute.charge})
    assert caught.value.code == "charge_disputed"
    decided = world.api.disputes.update(dispute.id, {"evidence": {"uncategorized_text": evidence}})
    assert decided.status == status
    assert [each.amount for each in decided.balance_transactions] == moved
    kinds = world.events("charge.dispute.")
    assert kinds[:2] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert kinds[-1] == "charge.dispute.closed"
    assert ("charge.dispute.funds_reinstated" in kinds) == (status == "won")


def test_an_inquiry_moves_no_money(world: World) -> None:
    pay(world, "createDisputeInquiry")
    dispute = world.api.disputes.list().data[0]
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
    assert world.api.refunds.create({"charge": dispute.charge}).status == "succeeded"


def test_every_charge_can_be_disputed_and_warned_of_later(world: World) -> None:
    charge = pay(world).latest_charge
    warning = world.control("POST", f"charges/{charge}/fraud_warning")
    found = world.api.radar.early_fraud_warnings.list({"charge": charge}).data
    assert [each.id for each in found] == [warning["id"]]
    dispute = world.control("POST", f"charges/{charge}/dispute")
    world.control("POST", f"disputes/{dispute['id']}/decide", {"won": False})
    assert world.api.disputes.retrieve(dispute["id"]).status == "lost"


def test_a_warning_comes_with_its_card(world: World) -> None:
    intent = pay(world, "createIssuerFraudWarning")
    warning = world.api.radar.early_fraud_warnings.list({"payment_intent": intent.id}).data[0]
    assert (warning.actionable, warning.charge) == (True, intent.latest_charge)


def test_invoices_by_hand(world: World) -> None:
    customer = world.customer()
    world.api.invoice_items.create(
        {"customer": customer.id, "amount": 700, "currency": "usd", "description": "Setup"}
    )
    draft = world.api.invoices.create(
        {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    )
    assert (draft.status, draft.total, draft.number) == ("draft", 700, None)
    final = world.api.invoices.finalize_invoice(draft.id)
    assert final.number.endswith("-0001")
    page = world.browser.get(final.hosted_invoice_url)
    assert "Setup" in page.text
    assert world.press(final.hosted_invoice_url, card="visa_chargeDeclined").status_code == 402
    assert world.press(final.hosted_invoice_url, card="visa").status_code == 200
    assert world.api.invoices.retrieve(draft.id).status == "paid"
    payment = world.api.invoice_payments.list({"invoice": draft.id}).data[0]
    listed = world.api.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": payment.payment.payment_intent}}
    )
    assert [each.invoice for each in listed.data] == [draft.id]


def test_an_invoice_by_hand_is_collected_by_itself(world: World) -> None:
    world.freeze()
    customer = world.customer()
    draft = world.api.invoices.create({"customer": customer.id, "auto_advance": True})
    world.api.invoice_items.create(
        {"customer": customer.id, "amount": 700, "currency": "usd", "invoice": draft.id}
    )
    world.advance(START + 3600)
    paid = world.api.invoices.retrieve(draft.id)
    assert (paid.status, paid.amount_paid) == ("paid", 700)


def test_an_open_invoice_can_be_voided(world: World) -> None:
    customer = world.customer("chargeCustomerFail")
    subscription = world.subscribe(customer, world.price())
    voided = world.api.invoices.void_invoice(subscription.latest_invoice.id)
    assert voided.status == "void"
    with pytest.raises(stripe.InvalidRequestError):
        world.api.invoices.pay(voided.id)
