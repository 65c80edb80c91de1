"""The local Storage: buckets and objects, by the rules of Supabase Storage.

There are no policies on objects, like in a new project: the secret key allows everything, and users
may do only what a signed URL allows.
"""
