"""What is left of the documents of a user who is deleted."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import get_settings
from app.core.supabase.clients import Supabase
from app.core.tasks.models import TaskRecord
from app.extensions.documents.models import Document
from app.extensions.users.service import delete_account
from tests.extensions.documents.conftest import Store
from tests.support.people import SignIn


async def test_the_documents_and_files_of_a_deleted_user_are_removed(
    store: Store, sign_in: SignIn, session: AsyncSession
) -> None:
    leaving, staying = await sign_in(), await sign_in()
    gone, kept = await store(leaving, "Tea"), await store(staying, "Tea")
    key, kept_id = gone.object_key, kept.id
    async with Supabase(get_settings()) as supabase:
        await delete_account(session, supabase, leaving.id)
    assert list(await session.exec(select(Document.id))) == [kept_id]
    removals = select(TaskRecord.arguments).where(col(TaskRecord.name) == "documents.remove_file")
    assert {each["key"] for each in await session.exec(removals)} == {key}
