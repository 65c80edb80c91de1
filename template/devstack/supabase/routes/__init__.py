"""The routes of the local Supabase, one file per subject."""
