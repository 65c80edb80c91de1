"""The development page: what the processes of `app dev` did a moment ago.

`recorder` runs in the API, in workers and in beat, and sends records to `server`, which has a
process of its own. Nothing of this is in the image of the project.
"""
