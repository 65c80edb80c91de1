"""Everything `uv run app dev` needs on a bare machine: servers, a local Supabase, a process runner.

For development and tests only. It is neither part of the wheel nor of the image, and nothing in
`app` may import it (`app/cli.py` adds its commands when it is there).
"""
