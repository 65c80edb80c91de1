"""`app secrets`: which values a deployment needs, where they come from, and how they get there."""
