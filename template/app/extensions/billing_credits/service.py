"""Grants credits for paid lines, and takes them back when the payment goes back.

Each line counts once, by the idempotency key of its entry in the ledger. Nothing is taken below
zero: who has spent the credits before a refund keeps what they were spent on.

After a change of the plan, the price of the unused time is credited at Stripe and pays for later
invoices. If its credits were spent, or their invoice is not known yet, the missing ones are owed,
and later invoices of plans bring less. Otherwise, changes to and fro would bring credits without
end for one payment, and the order of the events would matter.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.extensions.billing.service.catalogue import MONTHS, Catalogue
from app.extensions.billing.service.paid import PaidInvoice, PaidLine
from app.extensions.billing_credits.models import invoice_credits
from app.extensions.credits.service import accounts, entries, ledger

# What `app/plans.py` writes into `includes`: for each seat and month (a yearly price grants twelve
# months at once), once for each holder, also when the subscription starts with a trial, and of a
# pack.
MONTHLY, WELCOME, PACK = "monthly_credits", "welcome_credits", "credits"


def credits_of(catalogue: Catalogue, line: PaidLine) -> int:
    """Return the credits of a line; negative for the unused time of a price before a change.

    The amount of a line says which part of an interval it is for, and for how many seats. So a
    line of a trial, which costs nothing, brings nothing.
    """
    if pack := catalogue.pack(line.price):
        return line.quantity * pack.includes.get(PACK, 0)
    known = catalogue.priced(line.price)
    if known is None or line.unit_amount <= 0:
        return 0
    plan, price = known
    whole = plan.includes.get(MONTHLY, 0) * MONTHS[price.interval]
    part = whole * abs(line.amount) // line.unit_amount
    return part if line.amount >= 0 else -part


def grant_paid(
    session: Session, catalogue: Catalogue, holder_id: UUID, invoice_id: UUID, paid: PaidInvoice
) -> None:
    """Post the credits of all lines of an invoice, once. Does not commit."""
    accounts.lock_or_open(session, holder_id)
    known: Any = select(invoice_credits).where(invoice_credits.c.invoice_id == invoice_id)
    if session.connection().execute(known).first():
        return
    counted = [(credits_of(catalogue, line), line) for line in paid.lines]
    total = owed = 0
    reason = f"Invoice {paid.number or paid.stripe_id}"
    # What is added first need not be missing when the unused time is taken.
    for amount, line in sorted(counted, key=lambda each: -each[0]):
        key = f"billing:{line.stripe_id}"
        if amount > 0:
            entries.grant(session, holder_id, amount, reason, key=key, reference=line.stripe_id)
            total += amount
        elif amount < 0:
            taken = _take(session, holder_id, -amount, reason, key)
            total -= taken
            owed += -amount - taken
        _welcome(session, catalogue, holder_id, line)
    # Packs bring all of their credits, because they are never paid by what was credited.
    packs = sum(amount for amount, line in counted if catalogue.pack(line.price))
    total -= _settle_owed(session, holder_id, total - packs, reason)
    row = {"invoice_id": invoice_id, "holder_id": holder_id, "granted": max(total, 0)}
    session.connection().execute(insert(invoice_credits).values(**row, due=0, taken=0, owed=owed))
    take_returned(session, holder_id, invoice_id, paid)


def take_returned(session: Session, holder_id: UUID, invoice_id: UUID, paid: PaidInvoice) -> None:
    """Take back the part of the credits whose payment went back; or give it again.

    A payment that comes back, as after a dispute that was won, brings its credits again.
    """
    accounts.lock_or_open(session, holder_id)
    found: Any = select(invoice_credits).where(invoice_credits.c.invoice_id == invoice_id)
    row = session.connection().execute(found).mappings().one_or_none()
    if row is None or paid.paid <= 0:
        return
    due = min(row["granted"] * paid.returned // paid.paid, row["granted"])
    if due == row["due"]:
        return
    taken = row["taken"]
    reason = f"Refund of invoice {paid.number or paid.stripe_id}"
    if due > row["due"]:
        # No key: the row above is locked with the account, and says what was done.
        taken += _take(session, holder_id, due - row["due"], reason, None)
    elif taken > due:
        entries.grant(session, holder_id, taken - due, reason, reference=paid.stripe_id)
        taken = due
    statement = update(invoice_credits).where(invoice_credits.c.invoice_id == invoice_id)
    session.connection().execute(statement.values(due=due, taken=taken))


def _settle_owed(session: Session, holder_id: UUID, most: int, reason: str) -> int:
    """Take what earlier changes owe, at most what an invoice has just brought; return how many."""
    found: Any = (
        select(invoice_credits.c.invoice_id, invoice_credits.c.owed)
        .where(invoice_credits.c.holder_id == holder_id, invoice_credits.c.owed > 0)
        .order_by(invoice_credits.c.invoice_id)
    )
    settled = 0
    for invoice_id, owed in session.connection().execute(found).all():
        part = min(owed, most - settled)
        if part <= 0:
            break
        statement = update(invoice_credits).where(invoice_credits.c.invoice_id == invoice_id)
        session.connection().execute(statement.values(owed=owed - part))
        settled += part
    if settled:
        entries.adjust(session, holder_id, -settled, f"{reason}: used before a change of the plan")
    return settled


def _welcome(session: Session, catalogue: Catalogue, holder_id: UUID, line: PaidLine) -> None:
    known = catalogue.priced(line.price)
    if known is None or line.amount < 0:
        return
    plan = known[0]
    welcome = plan.includes.get(WELCOME, 0)
    key = f"billing:welcome:{plan.key}"
    if welcome and ledger.find_by_key(session, holder_id, key) is None:
        entries.grant(session, holder_id, welcome, f"Welcome to {plan.name}", key=key)


def _take(session: Session, holder_id: UUID, amount: int, reason: str, key: str | None) -> int:
    """Take credits, at most those that there are; return how many."""
    taken = min(amount, accounts.lock_or_open(session, holder_id).balance)
    if taken:
        entries.adjust(session, holder_id, -taken, reason, key=key)
    return taken
