"""Commands for development: a module adds to the group of `app` that has its name, or is one."""
