"""What requests and responses have in common: middleware, errors, documentation, lists, health."""
