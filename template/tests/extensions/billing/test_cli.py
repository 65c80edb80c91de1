"""`app billing`, on the command line."""

import asyncio

import pytest
from typer.testing import CliRunner

from app.core.cli.errors import CliError, DoubtfulError
from app.core.settings import load_settings
from app.extensions.billing import checks
from app.extensions.billing.cli import cli
from app.extensions.billing.service import catalogue_sync
from app.extensions.billing.service.client import stripe_client
from devstack.stripe import LocalStripe

runner = CliRunner()


def app(*arguments: str) -> tuple[int, str, BaseException | None]:
    result = runner.invoke(cli, arguments)
    return result.exit_code, result.output, result.exception


def test_check_and_sync(local_stripe: LocalStripe, configured: None) -> None:
    code, output, error = app("check")
    assert (code, type(error)) == (1, CliError)
    assert "pro_yearly" in output
    assert "30000 eur each year" in output
    # Without an answer, nothing is written.
    assert app("sync")[0] == 1
    assert local_stripe.account.where("product") == []
    assert app("sync", "--yes")[0] == 0
    assert app("check")[0] == 0
    written = local_stripe.account.where("price")
    assert app("sync", "--yes")[0] == 0
    assert local_stripe.account.where("price") == written


def test_a_local_stripe_gets_the_catalogue_at_the_first_use(
    local_stripe: LocalStripe, configured: None
) -> None:
    async def find() -> str:
        async with stripe_client() as client:
            return await catalogue_sync.price_id(client, "pro_monthly")

    assert asyncio.run(find()).startswith("price_")
    assert app("check")[0] == 0


def test_doctor_says_what_is_missing(
    local_stripe: LocalStripe, configured: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DoubtfulError, match=r"app/plans\.py"):
        checks.account()
    app("sync", "--yes")
    assert "test mode" in checks.account()
    for name, value in (
        ("BILLING_WEBHOOK_SECRET", ""),
        ("BILLING_STRIPE_KEY", ""),
    ):
        monkeypatch.setenv(name, value)
        load_settings.cache_clear()
        with pytest.raises(DoubtfulError, match=name):
            checks.account()
    monkeypatch.setenv("BILLING_STRIPE_KEY", "_".join(("sk", "test", "x")))
    monkeypatch.setenv("BILLING_STRIPE_URL", "http://127.0.0.1:1")
    load_settings.cache_clear()
    monkeypatch.setattr("stripe.HTTPClient.INITIAL_DELAY", 0.01)
    with pytest.raises(CliError):
        checks.account()
