"""A local Supabase: the parts of Auth and Storage that Supabase's clients use, over HTTP.

It signs real ES256 tokens, rotates its keys and speaks the format of the platform. It sends no
mail: `/mails` shows the mails, and by default a sign-up with a password is confirmed at once. It is
for `app dev` and tests only. `routes/` has the routes, one module per subject; the modules beside
it have the rules, those of Storage in `storage/`. `docs/supabase.md` of the template lists what is
left out.
"""

from devstack.supabase.server import LocalSupabase

__all__ = ["LocalSupabase"]
