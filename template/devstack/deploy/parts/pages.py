"""The static files of all features, with hashes in their names and compressed copies."""

from devstack.deploy.parts import Part

PART = Part("static", "PAGES_STATIC_FOLDER", command=("pages", "collect", "static"))
