"""Pages for browsers: templates, static files, error pages, robots.txt and the sitemap."""

# Features whose `service`, `deps` and `schemas` this one may import.
USES = ("sessions", "tasks", "users")
