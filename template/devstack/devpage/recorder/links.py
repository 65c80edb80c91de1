"""The link on the page at `/` of the API."""

import os

LINKS = {"Development page": f"http://127.0.0.1:{os.environ.get('DEV_PAGE_PORT', '')}/"}
