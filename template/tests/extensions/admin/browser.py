"""A browser of the admin site: it keeps cookies and sends the CSRF token."""

import re
from urllib.parse import urlsplit

from httpx import AsyncClient, Response

from devstack.supabase import LocalSupabase
from tests.support.people import Person

PASSWORD = "a long enough password"


class Browser:
    """Sends the CSRF token of the page that it loaded last."""

    def __init__(self, client: AsyncClient, supabase: LocalSupabase) -> None:
        self.client, self.supabase = client, supabase
        self.token = ""

    async def get(self, path: str, **query: str) -> Response:
        return self._remember(await self.client.get(f"/admin{path}", params=query or None))

    async def post(self, path: str, **fields: str) -> Response:
        data = {"csrf_token": self.token, **fields}
        return self._remember(await self.client.post(f"/admin{path}", data=data))

    async def delete(self, path: str) -> Response:
        headers = {"X-CSRF-Token": self.token}
        return await self.client.delete(f"/admin{path}", headers=headers)

    async def sign_in(self, person: Person, password: str = PASSWORD, **fields: str) -> Response:
        """Give a person the password `PASSWORD` in Auth, and sign in."""
        auth = self.supabase.auth
        auth.update_user(self.supabase.user(person.email), {"password": PASSWORD})
        await self.get("/login")
        return await self.post("/login", email=person.email, password=password, **fields)

    @property
    def cookie(self) -> str | None:
        return self.client.cookies.get("session")

    @cookie.setter
    def cookie(self, value: str) -> None:
        self.client.cookies.clear()
        self.client.cookies.set("session", value)

    def _remember(self, answer: Response) -> Response:
        if found := re.search(r'name="csrf_token" value="(\w+)"', answer.text):
            self.token = found[1]
        return answer


def codes(answer: Response) -> list[str]:
    """The codes of the errors on a page."""
    return re.findall(r'data-code="(\w+)"', answer.text)


def is_sign_in(answer: Response) -> bool:
    """Tell whether a response redirects to the sign-in."""
    there = urlsplit(answer.headers.get("location", "")).path
    return (answer.status_code, there) == (302, "/admin/login")
