"""One package per feature, found at run time by `app.core.features`."""
