"""Personal data in the tables of organizations."""

from app.core.personal_data import OMITTED, Rows, Rule

TABLES = {
    # The slug of a personal organization is made from an address.
    "organizations": Rows({"slug": Rule.TOKEN, "name": Rule.TEXT}),
    "organizations_members": Rows(keep=["role"]),
    # A copy must not accept the tokens of production.
    "organizations_invitations": OMITTED,
}
