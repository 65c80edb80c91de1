"""The Supabase project: its Auth and Storage, and Supabase's own client."""
