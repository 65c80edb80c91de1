"""Pages for browsers: templates, static files, error pages, robots.txt and the sitemap."""
