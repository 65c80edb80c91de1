"""Checks the templates while the API starts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.extensions.pages.template_check import check_templates


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Check the templates.

    Raises:
        FeatureError: see `check_templates`.
    """
    check_templates(app)
    yield
