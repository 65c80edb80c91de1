"""Commands of the options for development: modules that add to groups of `app`, found by place."""
