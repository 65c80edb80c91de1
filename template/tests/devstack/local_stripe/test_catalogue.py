"""Products, prices, coupons and promotion codes."""

import pytest
import stripe

from tests.devstack.local_stripe.world import World


def test_a_lookup_key_moves_to_another_price(world: World) -> None:
    old = world.price(900, lookup_key="pro_monthly")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.price(1200, lookup_key="pro_monthly")
    assert caught.value.param == "lookup_key"
    new = world.price(1200, lookup_key="pro_monthly", transfer_lookup_key=True)
    found = world.api.prices.list({"lookup_keys": ["pro_monthly"]}).data
    assert [each.id for each in found] == [new.id]
    assert world.api.prices.retrieve(old.id).lookup_key is None


def test_a_price_keeps_its_amount(world: World) -> None:
    price = world.price(900)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.prices.update(price.id, {"unit_amount": 1})
    assert caught.value.code == "parameter_unknown"
    assert world.api.prices.update(price.id, {"active": False}).active is False
    with pytest.raises(stripe.InvalidRequestError):
        world.checkout("subscription", price)


def test_products(world: World) -> None:
    made = world.api.products.create(
        {
            "id": "prod_pro",
            "name": "Pro",
            "marketing_features": [{"name": "Search"}],
            "default_price_data": {"currency": "eur", "unit_amount": 500},
        }
    )
    assert made.marketing_features[0].name == "Search"
    assert world.api.prices.retrieve(made.default_price).unit_amount == 500
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.products.create({"id": "prod_pro", "name": "Pro"})
    assert caught.value.code == "resource_already_exists"
    with pytest.raises(stripe.InvalidRequestError):
        world.api.products.delete("prod_pro")
    changed = world.api.products.update("prod_pro", {"name": "Pro 2", "metadata": {"plan": "pro"}})
    assert changed.name == "Pro 2"
    event = world.api.events.list({"type": "product.updated"}).data[0]
    assert event.data.previous_attributes.name == "Pro"


@pytest.mark.parametrize(
    ("coupon", "paid"),
    [
        ({"percent_off": 25, "duration": "forever"}, [750, 750, 750]),
        ({"percent_off": 25, "duration": "once"}, [750, 1000, 1000]),
        (
            {
                "amount_off": 400,
                "currency": "usd",
                "duration": "repeating",
                "duration_in_months": 2,
            },
            [600, 600, 1000],
        ),
    ],
)
def test_a_coupon_takes_off_as_long_as_it_lasts(
    world: World, coupon: dict[str, object], paid: list[int]
) -> None:
    world.freeze()
    coupon_id = world.api.coupons.create(coupon).id
    customer, price = world.customer(), world.price(1000)
    subscription = world.subscribe(customer, price, discounts=[{"coupon": coupon_id}])
    end = subscription["items"].data[0].current_period_end
    world.advance(end + 32 * 86400)
    found = world.api.invoices.list({"customer": customer.id}).data[::-1]
    assert [each.amount_paid for each in found] == paid
    assert found[0].subtotal == 1000
    assert found[0].total_discount_amounts[0].amount == 1000 - paid[0]


def test_a_promotion_code_has_its_limits(world: World) -> None:
    coupon = world.api.coupons.create({"percent_off": 50, "duration": "once"})
    code = world.api.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "HALF", "max_redemptions": 1}
    )
    price = world.price(1000)
    discounts = [{"promotion_code": code.id}]
    first = world.subscribe(world.customer(), price, discounts=discounts)
    assert first.latest_invoice.amount_paid == 500
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.subscribe(world.customer(), price, discounts=discounts)
    assert caught.value.code == "promotion_code_inactive"
    found = world.api.promotion_codes.list({"code": "HALF", "active": True}).data
    assert [each.times_redeemed for each in found] == [1]


def test_each_coupon_takes_off_what_the_one_before_has_left(world: World) -> None:
    half = {"coupon": world.api.coupons.create({"percent_off": 50, "duration": "once"}).id}
    subscription = world.subscribe(world.customer(), world.price(1000), discounts=[half, half])
    assert subscription.latest_invoice.amount_paid == 250


def test_a_coupon_can_be_for_one_product(world: World) -> None:
    wanted, other = world.price(1000), world.price(300)
    coupon = world.api.coupons.create(
        {"percent_off": 50, "duration": "once", "applies_to": {"products": [wanted.product]}}
    )
    items = [{"price": wanted.id}, {"price": other.id}]
    subscription = world.subscribe(
        world.customer(), wanted, items=items, discounts=[{"coupon": coupon.id}]
    )
    assert subscription.latest_invoice.amount_paid == 800
