"""`app deploy`: brings a commit to a machine of your own, over SSH.

`host/` runs there, with the Python of the system and nothing else.
"""
