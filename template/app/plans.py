"""Your plans and packs: change them here; an update of the template never touches this file.

`uv run app billing check` says what differs at Stripe, and `uv run app billing sync` writes it
there. Amounts are in the smallest unit of the currency.
"""

from app.extensions.billing.catalogue import Catalogue, Pack, Plan, Price

CATALOGUE = Catalogue(
    plans=(
        Plan(key="free", name="Free"),
        Plan(
            key="pro",
            name="Pro",
            description="For everybody who works with it each day.",
            prices=(
                Price(key="pro_monthly", amount=1900),
                Price(key="pro_yearly", amount=19000, interval="year"),
            ),
            features=frozenset({"search"}),
            trial_days=14,
        ),
        Plan(
            key="team",
            name="Team",
            description="For several people, paid by the seat.",
            prices=(
                Price(key="team_monthly", amount=1500),
                Price(key="team_yearly", amount=15000, interval="year"),
            ),
            features=frozenset({"search", "export"}),
            max_seats=100,
        ),
    ),
    packs=(Pack(key="support_hour", name="One hour of support", amount=9000),),
)
