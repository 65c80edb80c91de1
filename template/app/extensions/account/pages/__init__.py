"""`/account`: the pages with which people sign up, sign in and look after their account."""

from fastapi import APIRouter

from app.extensions.account.pages import (
    apps,
    codes,
    confirm,
    overview,
    password,
    second_step,
    sign_in,
    sign_up,
)

router = APIRouter()
for module in (apps, codes, confirm, overview, password, second_step, sign_in, sign_up):
    router.routes.extend(module.router.routes)
