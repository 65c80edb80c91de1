"""The rules for keys. Where there is no such key, NotFoundError (`api_key_not_found`) is raised.

`owner_id` None stands for the operator, who may change the keys of everybody.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlmodel import Session, col, delete, func, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.auth.scopes import known_scopes
from app.core.database.models import utcnow
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.http.lists import Listing
from app.core.settings import load_settings
from app.extensions.api_keys import key_format, verification
from app.extensions.api_keys.history import COMMAND_LINE as COMMAND_LINE
from app.extensions.api_keys.history import Change, commit
from app.extensions.api_keys.models import ApiKey as ApiKey
from app.extensions.api_keys.models import ApiKeyAddress
from app.extensions.api_keys.schemas import ApiKeyCreate, ApiKeyRead
from app.extensions.api_keys.settings import ApiKeySettings

KEYS = Listing(ApiKey, ApiKeyRead, scope=ApiKey.owner_id)


async def create(
    session: AsyncSession,
    owner_id: UUID,
    values: ApiKeyCreate,
    *,
    address: str,
    actor_id: UUID | None = None,
    attributes: Mapping[str, str] | None = None,
) -> tuple[ApiKey, str]:
    """Add a key of a user; return it and its text, which is stored nowhere. Commits.

    Args:
        session: its transaction may have changes, which are committed as well.
        owner_id: for whom the key acts: a user or a machine.
        values: what the key may do.
        address: of the one who creates it.
        actor_id: who creates it, if it is not the owner.
        attributes: what the calling feature has to know about the key later.

    Raises:
        InvalidError: `unknown_scope`, or `expiry_too_late`.
        ConflictError: `too_many_api_keys`.
    """
    settings = load_settings(ApiKeySettings)
    if unknown := sorted(set(values.scopes) - set(known_scopes())):
        raise InvalidError(f"There is no scope {', '.join(unknown)}.", code="unknown_scope")
    days = values.expires_in_days or min(settings.default_days, settings.max_days)
    if days > settings.max_days:
        raise InvalidError(
            f"A key is valid for at most {settings.max_days} days.", code="expiry_too_late"
        )
    # Requests of the same owner wait for each other, so that they count each other's keys.
    await session.exec(select(func.pg_advisory_xact_lock(func.hashtextextended(str(owner_id), 0))))
    valid = select(func.count()).where(
        ApiKey.owner_id == owner_id,
        col(ApiKey.revoked_at).is_(None),
        col(ApiKey.replaced_by).is_(None),
        col(ApiKey.expires_at) > utcnow(),
    )
    if (await session.exec(valid)).one() >= settings.max_per_user:
        raise ConflictError(
            f"There are {settings.max_per_user} valid keys, and more are not allowed: revoke one "
            "first.",
            code="too_many_api_keys",
        )
    key, text = _new(
        owner_id=owner_id,
        name=values.name,
        scopes=sorted(set(values.scopes)),
        networks=[str(network) for network in values.networks],
        attributes=dict(attributes or {}),
        lifetime=timedelta(days=days),
    )
    session.add(key)
    await commit(session, [_change("created", key, address, actor_id)])
    return key, text


async def rotate(
    session: AsyncSession,
    owner_id: UUID | None,
    key_id: UUID,
    overlap_hours: int | None = None,
    *,
    address: str,
    actor_id: UUID | None = None,
    attributes: Mapping[str, str] | None = None,
) -> tuple[ApiKey, str]:
    """Replace a key by one with the same rights and lifetime; return that and its text. Commits.

    API_KEYS_MAX_DAYS limits the lifetime also if it was longer when the old key was created. The
    new key has the attributes of the old one, and `attributes` in the place of those it names.
    The old key stays valid for the overlap, API_KEYS_OVERLAP_HOURS by default. The key that it
    replaced itself ends, so that at most two keys are valid in place of one.

    Raises:
        ConflictError: `api_key_ended`, the key was revoked or replaced, or it has expired.
    """
    # The key before it is locked first, as `uses` does, so that the two do not wait for each other.
    before = select(ApiKey.id).where(ApiKey.replaced_by == key_id)
    if owner_id:
        before = before.where(ApiKey.owner_id == owner_id)
    await session.exec(before.order_by(col(ApiKey.id)).with_for_update())
    old = await _get(session, owner_id, key_id)
    now = utcnow()
    if old.revoked_at or old.replaced_by or old.expires_at <= now:
        raise ConflictError(
            "The key was revoked or replaced, or it has expired.", code="api_key_ended"
        )
    settings = load_settings(ApiKeySettings)
    if overlap_hours is None:
        overlap_hours = settings.overlap_hours
    new, text = _new(
        owner_id=old.owner_id,
        name=old.name,
        scopes=old.scopes,
        networks=old.networks,
        attributes={**old.attributes, **(attributes or {})},
        lifetime=min(old.expires_at - old.created_at, timedelta(days=settings.max_days)),
    )
    old.replaced_by = new.id
    old.expires_at = min(old.expires_at, now + timedelta(hours=overlap_hours))
    session.add(new)
    replaced = update(ApiKey).where(
        # By the index of owners.
        col(ApiKey.owner_id) == old.owner_id,
        col(ApiKey.replaced_by) == old.id,
        col(ApiKey.expires_at) > now,
    )
    ended = await session.exec(replaced.values(expires_at=now).returning(col(ApiKey.secret_hash)))
    hashes = [old.secret_hash, *ended.scalars()]
    changes = (("rotated", old), ("created", new))
    await commit(session, [_change(kind, key, address, actor_id) for kind, key in changes])
    for secret_hash in hashes:
        verification.evict(secret_hash)
    return new, text


async def revoke(
    session: AsyncSession,
    owner_id: UUID | None,
    key_id: UUID,
    *,
    address: str,
    actor_id: UUID | None = None,
) -> ApiKey:
    """End a key; a second time has no effect. Commits.

    Other processes refuse it after API_KEYS_CACHE_SECONDS.
    """
    key = await _get(session, owner_id, key_id)
    if key.revoked_at is None:
        key.revoked_at = utcnow()
        await commit(session, [_change("revoked", key, address, actor_id)])
    verification.evict(key.secret_hash)
    return key


async def set_attribute(
    session: AsyncSession, key_id: UUID, name: str, value: str | None, *, address: str
) -> ApiKey:
    """Set what another feature knows about a key, or remove it with None. For operators. Commits.

    Other processes see it after API_KEYS_CACHE_SECONDS. A rotation passes it on.
    """
    key = await _get(session, None, key_id)
    others = {each: text for each, text in key.attributes.items() if each != name}
    key.attributes = others if value is None else others | {name: value}
    await commit(session, [_change("changed", key, address, None)])
    verification.evict(key.secret_hash)
    return key


async def list_of(session: AsyncSession, owner_id: UUID | None) -> Sequence[ApiKey]:
    """Return the keys of a user or of all, the newest first."""
    statement = select(ApiKey).order_by(col(ApiKey.created_at).desc(), col(ApiKey.id).desc())
    if owner_id:
        statement = statement.where(ApiKey.owner_id == owner_id)
    return (await session.exec(statement)).all()


def delete_old(session: Session) -> int:
    """Delete keys that ended API_KEYS_KEEP_DAYS ago; return how many. Does not commit.

    Addresses that have not used a key since then are forgotten as well.
    """
    before = utcnow() - timedelta(days=load_settings(ApiKeySettings).keep_days)
    session.exec(delete(ApiKeyAddress).where(col(ApiKeyAddress.last_used_at) < before))
    ended = or_(col(ApiKey.expires_at) < before, col(ApiKey.revoked_at) < before)
    return session.exec(delete(ApiKey).where(ended)).rowcount


def _new(
    *,
    owner_id: UUID,
    name: str,
    scopes: list[str],
    networks: list[str],
    attributes: dict[str, str],
    lifetime: timedelta,
) -> tuple[ApiKey, str]:
    text = key_format.new_key(load_settings(ApiKeySettings).key_prefix)
    now = utcnow()
    key = ApiKey(
        owner_id=owner_id,
        name=name,
        start=key_format.start_of(text),
        secret_hash=key_format.hash_of(text),
        scopes=scopes,
        networks=networks,
        attributes=attributes,
        created_at=now,
        expires_at=now + lifetime,
    )
    return key, text


async def _get(session: AsyncSession, owner_id: UUID | None, key_id: UUID) -> ApiKey:
    """Return a key, locked: of two rotations at once, the second finds it replaced."""
    statement = select(ApiKey).where(ApiKey.id == key_id).with_for_update()
    key = (await session.exec(statement)).one_or_none()
    if key is None or (owner_id and key.owner_id != owner_id):
        raise NotFoundError("There is no such API key.", code="api_key_not_found")
    return key


def _change(kind: str, key: ApiKey, address: str, actor_id: UUID | None) -> Change:
    return Change(kind, key.id, key.owner_id, actor_id or key.owner_id, key.start, address)
