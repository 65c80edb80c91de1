"""What all endpoints have in common: keys, parameters, lists, expansion, idempotency."""

import threading
from typing import Any

import httpx
import pytest
import stripe

from tests.devstack.local_stripe.world import KEY, World

FORM = {"content-type": "application/x-www-form-urlencoded"}


def post(world: World, path: str, form: str, **headers: str) -> httpx.Response:
    return world.browser.post(
        path, content=form, headers={**FORM, "authorization": f"Bearer {KEY}", **headers}
    )


@pytest.mark.parametrize("key", ["", "sk_live_1", "pk_test_1"])
def test_only_secret_keys_of_test_mode_are_accepted(world: World, key: str) -> None:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    answer = world.browser.get("/v1/customers", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_key_may_be_a_user_name(world: World) -> None:
    assert world.browser.get("/v1/customers", auth=(KEY, "")).status_code == 200


def test_nested_forms_with_and_without_positions(world: World) -> None:
    form = "email=a%40example.com&metadata[1]=one&metadata[b]=two&preferred_locales[]=de"
    customer = post(world, "/v1/customers", f"{form}&preferred_locales[]=en").json()
    assert customer["metadata"] == {"1": "one", "b": "two"}
    assert customer["preferred_locales"] == ["de", "en"]
    form = f"customer={customer['id']}&payment_behavior=default_incomplete"
    for quantity in (3, 2):
        form += f"&items[][price]={world.price().id}&items[][quantity]={quantity}"
    subscription = post(world, "/v1/subscriptions", form).json()
    assert [item["quantity"] for item in subscription["items"]["data"]] == [3, 2]


def test_an_empty_value_clears_a_field(world: World) -> None:
    customer = world.customer(name="Ada", metadata={"a": "1", "b": "2"})
    changed = world.api.customers.update(customer.id, {"name": "", "metadata": {"a": ""}})
    assert (changed.name, changed.metadata.to_dict()) == (None, {"b": "2"})


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"nmae": "Ada"}, "parameter_unknown", "nmae"),
        ({"address": {"cty": "Bonn"}}, "parameter_unknown", "address[cty]"),
        ({"balance": "much"}, "parameter_invalid_integer", "balance"),
        ({"test_clock": "clock_1"}, "resource_missing", "test_clock"),
    ],
)
def test_wrong_parameters_are_refused(
    world: World, params: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.customers.create(params)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert caught.value.request_id
    assert not world.api.customers.list().data
    assert not world.events()


def test_what_is_missing_is_not_found(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.customers.retrieve("cus_1")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    assert post(world, "/v1/quotes", "").status_code == 404


def test_lists_have_pages_in_both_directions(world: World) -> None:
    ids = [world.customer(card=None).id for _ in range(7)][::-1]
    first = world.api.customers.list({"limit": 3})
    assert ([each.id for each in first.data], first.has_more) == (ids[:3], True)
    last = world.api.customers.list({"limit": 3, "starting_after": ids[3]})
    assert ([each.id for each in last.data], last.has_more) == (ids[4:], False)
    before = world.api.customers.list({"limit": 2, "ending_before": ids[3]})
    assert ([each.id for each in before.data], before.has_more) == (ids[1:3], True)
    every = world.api.customers.list({"limit": 2}).auto_paging_iter()
    assert [each.id for each in every] == ids
    with pytest.raises(stripe.InvalidRequestError):
        world.api.customers.list({"limit": 101})


def test_lists_by_time(world: World) -> None:
    world.freeze()
    customer = world.customer(card=None)
    found = world.api.customers.list(
        {
            "created": {"gte": customer.created, "lt": customer.created + 1},
            "test_clock": world.clock,
        }
    )
    assert [each.id for each in found.data] == [customer.id]
    later = {"created": {"gt": customer.created}, "test_clock": world.clock}
    assert not world.api.customers.list(later).data


def test_references_are_expanded(world: World) -> None:
    price, customer = world.price(lookup_key="pro"), world.customer()
    subscription = world.subscribe(customer, price)
    paths = ["customer.invoice_settings.default_payment_method", "latest_invoice.payments"]
    found = world.api.subscriptions.retrieve(subscription.id, {"expand": paths})
    assert found.customer.invoice_settings.default_payment_method.card.last4 == "4242"
    assert found.latest_invoice.payments.data[0].status == "paid"
    listed = world.api.prices.list({"lookup_keys": ["pro"], "expand": ["data.product"]})
    assert listed.data[0].product.name == "Pro"
    with pytest.raises(stripe.InvalidRequestError):
        world.api.subscriptions.retrieve(subscription.id, {"expand": ["colour"]})


def test_the_same_idempotency_key_gives_the_same_answer(world: World) -> None:
    options = {"idempotency_key": "signup-1"}
    first = world.api.customers.create({"email": "a@example.com"}, options)
    again = world.api.customers.create({"email": "a@example.com"}, options)
    assert again.id == first.id
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert len(world.api.customers.list().data) == 1
    with pytest.raises(stripe.IdempotencyError) as caught:
        world.api.customers.create({"email": "b@example.com"}, options)
    assert caught.value.http_status == 400


def test_a_refusal_of_parameters_does_not_use_up_the_key(world: World) -> None:
    options = {"idempotency_key": "signup-1"}
    with pytest.raises(stripe.InvalidRequestError):
        world.api.customers.create({"nmae": "Ada"}, options)
    assert world.api.customers.create({"name": "Ada"}, options).name == "Ada"


def test_a_declined_payment_is_saved_under_the_key(world: World) -> None:
    params = {
        "amount": 500,
        "currency": "usd",
        "confirm": True,
        "payment_method": "pm_card_chargeDeclined",
    }
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            world.api.payment_intents.create(params, {"idempotency_key": "pay-1"})
        assert caught.value.code == "card_declined"
    assert len(world.api.charges.list().data) == 1


def test_a_key_of_a_running_request_conflicts(world: World) -> None:
    world.control("POST", "faults", {"path": "/v1/customers", "seconds": 0.5})
    answers: list[int] = []

    def send() -> None:
        headers = {"idempotency-key": "signup-1"}
        answers.append(post(world, "/v1/customers", "name=Ada", **headers).status_code)

    first = threading.Thread(target=send)
    first.start()
    world.wait(lambda: world.control("GET", "faults")[0]["met"] == 1)
    send()
    first.join()
    assert sorted(answers) == [200, 409]
    assert len(world.api.customers.list().data) == 1


def test_search(world: World) -> None:
    world.customer(card=None, metadata={"user": "1"})
    wanted = world.customer(card=None, metadata={"user": "2"})
    query = "email:'ada@example.com' AND metadata['user']:'2'"
    assert [each.id for each in world.api.customers.search({"query": query}).data] == [wanted.id]
    with pytest.raises(stripe.InvalidRequestError):
        world.api.customers.search({"query": "email is mine"})


def test_the_pages_are_for_this_machine(world: World) -> None:
    answer = world.browser.get("/", headers={"host": "evil.example.com"})
    assert answer.status_code == 400
    assert world.browser.post("/_local/advance", json={"seconds": 1}).status_code == 401
