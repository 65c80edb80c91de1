"""`/organizations`: the pages with which people look after their organizations."""

from fastapi import APIRouter

from app.extensions.organizations.pages import (
    invitations,
    join,
    members,
    mine,
    settings,
    switcher,
)
from app.extensions.organizations.service import roles
from app.extensions.pages.organizations import Section

router = APIRouter()
# Those without an organization in their path come first.
for module in (mine, join, settings, members, invitations):
    router.routes.extend(module.router.routes)

HEADER = "organizations/switcher.html"
header = switcher.header

SECTIONS = {
    "Members": Section("organizations:show_members"),
    "Invitations": Section("organizations:show_invitations", (roles.ADMIN,)),
    "Settings": Section("organizations:show_settings"),
}
