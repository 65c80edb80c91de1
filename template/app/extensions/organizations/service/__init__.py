"""The rules, given a session.

`scope` says for which organization and with which role a request works. The other modules change
organizations, members and invitations. Their functions commit unless they say otherwise.
"""
