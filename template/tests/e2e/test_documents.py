"""Documents: from the upload to a search and to an answer."""

import json

import pytest
from fastapi import FastAPI
from playwright.async_api import FilePayload, Page, Route, expect

from app.core.supabase.storage import Storage
from tests.e2e.site import Site
from tests.e2e.steps import heading, sign_in

pytestmark = pytest.mark.slow

TEXT = b"Assam is a black tea from India. It is often drunk with milk.\n"


@pytest.fixture
async def documents(running_app: FastAPI, page: Page, site: Site) -> Page:
    """The list of a new user."""
    await Storage(running_app.state.supabase).ensure_bucket()
    await sign_in(page, site)
    await page.get_by_role("link", name="Documents").click()
    await expect(heading(page, "Documents")).to_be_visible()
    return page


async def test_a_document_is_sent_read_found_and_deleted(documents: Page, site: Site) -> None:
    file = FilePayload(name="teas.md", mimeType="", buffer=TEXT)
    await documents.get_by_label("Add a document").set_input_files(file)
    await expect(documents.get_by_text("The document is stored and is being read.")).to_be_visible()
    await expect(documents.get_by_text("ready", exact=True)).to_be_visible()

    await documents.goto(site.address("/documents/search"))
    await documents.get_by_label("Words or a question").fill("black tea")
    await documents.get_by_role("button", name="Search").click()
    passages = documents.get_by_role("list", name="Passages").get_by_role("listitem")
    await expect(passages).to_contain_text(["often drunk with milk"])

    await documents.goto(site.address("/documents"))
    await documents.get_by_role("button", name="Delete teas.md").click()
    await documents.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(documents.get_by_text("There are no documents yet.")).to_be_visible()


async def test_a_file_that_nobody_can_read_is_refused(documents: Page) -> None:
    file = FilePayload(name="tea.bin", mimeType="application/x-tea", buffer=TEXT)
    await documents.get_by_label("Add a document").set_input_files(file)
    await expect(documents.get_by_role("alert")).to_be_visible()


async def test_an_answer_arrives_with_the_sources_that_it_cites(
    documents: Page, site: Site
) -> None:
    """The language model is not real; the events are those of the API."""
    hit = {
        "chunk_id": "1", "document_id": "1", "document_name": "teas.md", "page": 3, "position": 0,
        "score": 1, "content": "Assam is black.", "snippet": "",
    }  # fmt: skip
    other = hit | {"document_name": "other.md"}
    events = [
        ("sources", [other, hit]),
        ("text", "Assam [2]"),
        ("text", "."),
        ("done", {"cited": [2]}),
    ]
    body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)

    async def answer(route: Route) -> None:
        await route.fulfill(body=body, content_type="text/event-stream")

    await documents.route("**/documents/ask", answer)
    await documents.goto(site.address("/documents/search?query=Which+tea"))
    await documents.get_by_role("button", name="Answer from my documents").click()
    card = documents.get_by_role("region", name="Answer")
    await expect(card).to_contain_text("Assam [2].")
    await expect(card.get_by_role("listitem")).to_have_text(["[2] teas.md, page 3Assam is black."])


async def test_an_answer_that_is_refused_says_why(documents: Page, site: Site) -> None:
    """No language model is configured here."""
    await documents.goto(site.address("/documents/search?query=Which+tea"))
    await documents.get_by_role("button", name="Answer from my documents").click()
    await expect(documents.get_by_role("alert")).to_contain_text("No language model")
