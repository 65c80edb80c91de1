"""The catalogue of these tests, with credits."""

from app.extensions.billing.service.catalogue import Catalogue, Pack, Plan, Price

CATALOGUE = Catalogue(
    plans=(
        Plan(key="free", name="Free"),
        Plan(
            key="basic",
            name="Basic",
            prices=(Price(key="basic_monthly", amount=1000),),
            includes={"monthly_credits": 310},
        ),
        Plan(
            key="trial",
            name="Trial",
            prices=(Price(key="trial_monthly", amount=2000),),
            trial_days=14,
            includes={"monthly_credits": 700, "welcome_credits": 50},
        ),
        Plan(
            key="pro",
            name="Pro",
            prices=(
                Price(key="pro_monthly", amount=3000),
                Price(key="pro_yearly", amount=30000, interval="year"),
            ),
            includes={"monthly_credits": 1000},
        ),
        Plan(
            key="team",
            name="Team",
            prices=(Price(key="team_monthly", amount=1500),),
            max_seats=10,
            includes={"monthly_credits": 400},
        ),
    ),
    packs=(Pack(key="pack", name="Pack", amount=500, includes={"credits": 250}),),
)
