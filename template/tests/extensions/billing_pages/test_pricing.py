"""The plans for everybody."""

from app.extensions.billing.service.catalogue import catalogue
from app.extensions.billing.service.money import shown
from tests.support.pages import Browser


async def test_everybody_sees_all_plans(browser: Browser, configured: None) -> None:
    page = await browser.get("/pricing")
    assert page.status_code == 200
    assert "noindex" not in page.text
    offered = catalogue()
    for plan in offered.plans:
        assert f">{plan.name}</h2>" in page.text
        for price in plan.prices:
            assert shown(price.amount, price.currency) in page.text
            assert f'href="/billing/checkout/{price.key}"' in page.text
    assert "The first 14 days are free" in page.text
    assert "per seat and month" in page.text
    assert all(pack.name in page.text for pack in offered.packs)
    assert "/pricing</loc>" in (await browser.get("/sitemap.xml")).text
    chosen = await browser.get("/pricing", account="acme")
    assert 'href="/billing/checkout/pro_monthly?account=acme"' in chosen.text
