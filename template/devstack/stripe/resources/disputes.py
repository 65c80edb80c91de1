"""Disputes, and warnings of fraud from the issuers of cards."""

from devstack.stripe.billing.reactions import EVIDENCE, close_dispute
from devstack.stripe.calls import Call, Route
from devstack.stripe.errors import invalid
from devstack.stripe.store import Json

# Stripe's words for tests: a dispute with this evidence is decided at once.
DECISIONS = {"winning_evidence": True, "losing_evidence": False}
OPEN = ("needs_response", "warning_needs_response")


def retrieve(call: Call) -> Json:
    """Return a dispute."""
    return call.find("dispute")


def update(call: Call) -> Json:
    """Add evidence, and submit it unless the request says otherwise."""
    dispute, params, account = call.find("dispute"), call.params, call.account
    evidence = params.child("evidence")
    submit = params.flag("submit", default=True)
    changes: Json = {"metadata": call.metadata(dispute["metadata"])}
    if evidence is not None:
        if dispute["status"] not in OPEN:
            raise invalid("This dispute is already closed, or its evidence is under review.")
        given = evidence.given(dict.fromkeys(EVIDENCE, evidence.text))
        changes["evidence"] = {**dispute["evidence"], **given}
        details = {**dispute["evidence_details"], "has_evidence": True}
        if submit:
            warning = dispute["status"].startswith("warning")
            changes["status"] = "warning_under_review" if warning else "under_review"
            details |= {
                "submission_count": details["submission_count"] + 1,
                "submission_method": "manual",
            }
        changes["evidence_details"] = details
    account.change(dispute, changes, "charge.dispute.updated")
    won = DECISIONS.get(str(dispute["evidence"]["uncategorized_text"]))
    if evidence is not None and submit and won is not None:
        close_dispute(account, dispute, won=won)
    return dispute


def close(call: Call) -> Json:
    """Accept a dispute, which loses it."""
    dispute = call.find("dispute")
    if dispute["status"] not in OPEN:
        raise invalid("This dispute is already closed.")
    return close_dispute(call.account, dispute, won=False)


def list_all(call: Call) -> Json:
    """List disputes."""
    params = call.params
    wanted = params.given({"charge": params.text, "payment_intent": params.text})
    return call.page(call.account.where("dispute", **wanted), "/v1/disputes")


def retrieve_warning(call: Call) -> Json:
    """Return a warning of fraud."""
    return call.find("radar.early_fraud_warning")


def list_warnings(call: Call) -> Json:
    """List warnings of fraud."""
    params = call.params
    wanted = params.given({"charge": params.text, "payment_intent": params.text})
    found = call.account.where("radar.early_fraud_warning", **wanted)
    return call.page(found, "/v1/radar/early_fraud_warnings")


ROUTES = [
    Route("GET", "/v1/disputes", list_all),
    Route("GET", "/v1/disputes/{}", retrieve),
    Route("POST", "/v1/disputes/{}", update),
    Route("POST", "/v1/disputes/{}/close", close),
    Route("GET", "/v1/radar/early_fraud_warnings", list_warnings),
    Route("GET", "/v1/radar/early_fraud_warnings/{}", retrieve_warning),
]
