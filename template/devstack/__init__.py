"""Everything that `uv run app dev` runs: database servers, a local Supabase, the app's processes.

For development and tests only: it is not part of the wheel or the image. No module of `app` may
import it, except that `app/cli.py` adds its commands if it is there.
"""
