"""The commands `new` and `update`: Copier with checks, Git and uv."""
