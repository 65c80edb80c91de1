"""The part of `app deploy` that runs on the host, as root.

It needs Python 3.11 and no package. `current` names the release that serves, and is its only state:
Caddy's socket, the units that the machine starts and the commands of people all go through it.
"""
