"""`/account`: the pages with which people sign up, sign in and look after their account."""

from fastapi import APIRouter

from app.extensions.account.pages import (
    apps,
    codes,
    confirm,
    email,
    leave,
    overview,
    passkeys,
    password,
    providers,
    second_step,
    sign_in,
    sign_up,
)

router = APIRouter()
MODULES = (
    apps,
    codes,
    confirm,
    email,
    leave,
    overview,
    passkeys,
    password,
    providers,
    second_step,
    sign_in,
    sign_up,
)
for module in MODULES:
    router.routes.extend(module.router.routes)
