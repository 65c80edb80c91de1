"""The project at Supabase, as this backend uses it: Auth, Storage, and its own client."""
