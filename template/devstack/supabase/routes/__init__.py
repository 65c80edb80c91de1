"""The routes of the local Supabase, one module per subject."""
