"""Keys by environment, and the catalogue."""

import pytest

from app.core.settings import SettingsError, check_settings, load_settings
from app.extensions.billing.service.catalogue import Catalogue, Pack, Plan, Price
from app.extensions.billing.settings import BillingSettings

TEST, LIVE = ("_".join(("rk", mode, "0123456789")) for mode in ("test", "live"))
ONLINE = {
    "BILLING_WEBHOOK_SECRET": "_".join(("whsec", "x")),
    "BILLING_RETURN_URL": "https://example.com/billing",
}
FREE = Plan(key="free", name="Free")

pytestmark = pytest.mark.usefixtures("fresh_settings")


@pytest.mark.parametrize(
    ("environment", "key", "wrong"),
    [
        ("local", TEST, set()),
        ("staging", TEST, set()),
        ("production", LIVE, set()),
        ("production", "", set()),
        ("local", LIVE, {"BILLING_STRIPE_KEY"}),
        ("staging", LIVE, {"BILLING_STRIPE_KEY"}),
        ("production", TEST, {"BILLING_STRIPE_KEY"}),
        ("local", "pk" + TEST[2:], {"BILLING_STRIPE_KEY"}),
    ],
)
def test_each_environment_has_its_kind_of_key(
    environment: str, key: str, wrong: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**ONLINE, "ENVIRONMENT": environment, "BILLING_STRIPE_KEY": key}.items():
        monkeypatch.setenv(name, value)
    assert {name for name, _ in check_settings(BillingSettings)} == wrong


@pytest.mark.parametrize("name", [*ONLINE, "BILLING_STRIPE_URL"])
def test_production_requires_the_rest(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {**ONLINE, "ENVIRONMENT": "production", "BILLING_STRIPE_KEY": LIVE}
    value = "http://10.0.0.1/" if name.endswith("URL") else ""
    for each, text in {**values, name: value}.items():
        monkeypatch.setenv(each, text)
    assert {variable for variable, _ in check_settings(BillingSettings)} == {name}


def test_a_problem_does_not_repeat_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_STRIPE_KEY", LIVE)
    with pytest.raises(SettingsError) as refused:
        load_settings(BillingSettings)
    assert LIVE not in str(refused.value)


@pytest.mark.parametrize(
    "plans",
    [
        (),
        (Plan(key="pro", name="Pro", prices=(Price(key="a", amount=1),)),),
        (FREE, Plan(key="Pro", name="Pro")),
        (FREE, Plan(key="free", name="Again")),
        (FREE, Plan(key="pro", name="Pro", prices=(Price(key="pack", amount=1),))),
        (FREE, Plan(key="pro", name="Pro", prices=(Price(key="a", amount=0),))),
        (FREE, Plan(key="pro", name="Pro", prices=(Price(key="a", amount=1, currency="EUR"),))),
        (FREE, Plan(key="pro", name="Pro", max_seats=0)),
    ],
    ids=["empty", "no free", "key", "twice", "pack", "amount", "currency", "seats"],
)
def test_a_catalogue_that_contradicts_itself_is_an_error(plans: tuple[Plan, ...]) -> None:
    with pytest.raises(SettingsError, match=r"^app/plans.py: "):
        Catalogue(plans=plans, packs=(Pack(key="pack", name="Pack", amount=1),))
