"""The list of invoices."""

from app.core.http.lists import Listing
from app.extensions.billing.models import Invoice
from app.extensions.billing.schemas import InvoiceRead

INVOICES = Listing(Invoice, InvoiceRead, scope=Invoice.holder_id)
