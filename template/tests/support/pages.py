"""A browser of the pages: it keeps cookies and sends the token of the page that it loaded last."""

import re
from urllib.parse import urlsplit

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from devstack.supabase import LocalSupabase
from tests.support.people import Person

PASSWORD = "a long enough password"
HEADERS = {"Accept": "text/html", "User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/150.0"}


class Browser:
    """One browser."""

    def __init__(self, app: FastAPI, supabase: LocalSupabase) -> None:
        transport = ASGITransport(app, raise_app_exceptions=False)
        self.client = AsyncClient(
            transport=transport, base_url="http://testserver", headers=HEADERS
        )
        self.supabase = supabase
        self.token = ""

    async def get(self, path: str, **query: str) -> Response:
        return self._remember(await self.client.get(path, params=query or None))

    async def post(self, path: str, **fields: str) -> Response:
        return self._remember(
            await self.client.post(path, data={"csrf_token": self.token, **fields})
        )

    async def sign_in(self, person: Person, password: str = PASSWORD, **fields: str) -> Response:
        """Give a person the password `PASSWORD` in Auth, and sign in."""
        auth = self.supabase.auth
        auth.update_user(self.supabase.user(person.email), {"password": PASSWORD})
        await self.get("/account/sign-in")
        return await self.post("/account/sign-in", email=person.email, password=password, **fields)

    async def confirm(self, password: str = PASSWORD) -> Response:
        """Prove again who the person is."""
        await self.get("/account/confirm")
        return await self.post("/account/confirm", password=password)

    async def follow(self, answer: Response) -> Response:
        """Load the page to which an answer leads."""
        assert answer.status_code == 303, answer.text
        return await self.get(answer.headers["location"])

    @property
    def cookie(self) -> str:
        return self.client.cookies.get("session") or ""

    @cookie.setter
    def cookie(self, value: str) -> None:
        self.client.cookies.clear()
        self.client.cookies.set("session", value)

    async def is_signed_in(self) -> bool:
        answer = await self.client.get("/account")
        assert answer.status_code == 200 or is_sign_in(answer), answer.text
        return answer.status_code == 200

    def _remember(self, answer: Response) -> Response:
        if found := re.search(r'name="csrf_token" value="(\w+)"', answer.text):
            self.token = found[1]
        return answer


def is_sign_in(answer: Response) -> bool:
    """Tell whether an answer leads to the sign-in."""
    there = urlsplit(answer.headers.get("location", "")).path
    return (answer.status_code, there) == (303, "/account/sign-in")


def notices(answer: Response) -> list[str]:
    """The messages on a page, and what is wrong with its form."""
    return re.findall(r'<div class="notice[^>]*>([^<]*)</div>', answer.text)


def part() -> dict[str, str]:
    """The headers with which htmx asks for a part of a page."""
    return {"HX-Request": "true", "HX-Request-Type": "partial"}
