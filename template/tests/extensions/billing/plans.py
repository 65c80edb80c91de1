"""The catalogue of these tests: the team's own one may be anything."""

from app.extensions.billing.service.catalogue import Catalogue, Pack, Plan, Price

FREE = Plan(key="free", name="Free")
BASIC = Plan(key="basic", name="Basic", prices=(Price(key="basic_monthly", amount=1000),))
PRO = Plan(
    key="pro",
    name="Pro",
    description="More",
    prices=(
        Price(key="pro_monthly", amount=3000),
        Price(key="pro_yearly", amount=30000, interval="year"),
    ),
    features=frozenset({"search"}),
)
TRIAL = Plan(
    key="trial",
    name="Trial",
    prices=(Price(key="trial_monthly", amount=2000),),
    trial_days=14,
)
TEAM = Plan(
    key="team",
    name="Team",
    prices=(Price(key="team_monthly", amount=1500),),
    features=frozenset({"search", "export"}),
    max_seats=10,
)
PACK = Pack(key="pack", name="Pack", amount=500)

CATALOGUE = Catalogue(plans=(FREE, BASIC, TRIAL, PRO, TEAM), packs=(PACK,))
