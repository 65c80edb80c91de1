"""The commands `new` and `update`: Copier, and what it lacks around it."""
