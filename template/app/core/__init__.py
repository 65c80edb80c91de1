"""The machinery that every feature stands on; it knows no feature. Update it with the template."""
