"""What other services of the dev stack have: objects of the local Supabase, and mails."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from dotenv import dotenv_values

from devstack.supabase.origins import is_local

SHOWN = 200  # objects of a bucket
SERVICES = Path(".dev/env")


def _services() -> dict[str, str]:
    return {name: value for name, value in dotenv_values(SERVICES).items() if value}


def mails_url() -> str:
    """Return the address of the page with the mails, empty if they leave this machine."""
    services = _services()
    supabase = services.get("SUPABASE_URL")
    return services.get("DEV_MAILS_URL") or (f"{supabase}/mails" if supabase else "")


async def listed() -> dict[str, Any]:
    """Return the newest objects of each bucket: names, sizes and times."""
    url, key = _services().get("SUPABASE_URL", ""), os.environ.get("SUPABASE_SECRET_KEY", "")
    if not is_local(url) or not urlsplit(url).port:
        return {"buckets": [], "note": "SUPABASE_URL is not the local Supabase of `app dev`."}
    headers = {"apikey": key, "Authorization": f"Bearer {key}"}
    buckets = []
    async with httpx.AsyncClient(
        base_url=f"{url}/storage/v1", headers=headers, timeout=5, trust_env=False
    ) as client:
        try:
            for bucket in (await client.get("/bucket")).raise_for_status().json():
                objects = await _objects(client, bucket["name"], "")
                objects.sort(key=lambda each: each["at"] or "", reverse=True)
                buckets.append(
                    {"name": bucket["name"], "public": bucket["public"], "objects": objects[:SHOWN]}
                )
        except (httpx.HTTPError, ValueError, KeyError) as error:
            return {"buckets": [], "note": f"The local Supabase: {type(error).__name__}."}
    return {"buckets": buckets, "note": ""}


async def _objects(client: httpx.AsyncClient, bucket: str, folder: str) -> list[dict[str, Any]]:
    """List a folder with the folders in it, which the interface lists one by one."""
    body = {"prefix": folder, "limit": SHOWN, "offset": 0}
    answer = await client.post(f"/object/list/{bucket}", json=body)
    found: list[dict[str, Any]] = []
    for each in answer.raise_for_status().json():
        name = f"{folder}/{each['name']}" if folder else each["name"]
        if each.get("id") is None:
            if len(found) < SHOWN:
                found += await _objects(client, bucket, name)
            continue
        about = each.get("metadata") or {}
        found.append(
            {
                "name": name,
                "size": about.get("size"),
                "type": about.get("mimetype"),
                "at": each.get("updated_at") or each.get("created_at"),
            }
        )
    return found
