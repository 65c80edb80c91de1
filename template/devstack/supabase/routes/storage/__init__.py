"""The routes of Storage."""

from starlette.routing import BaseRoute

from devstack.supabase.routes.storage import buckets, listing, objects, signed

# The first match counts, so the routes with the most general paths come last.
routes: list[BaseRoute] = [*buckets.routes, *listing.routes, *signed.routes, *objects.routes]
