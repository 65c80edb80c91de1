"""The processes of the dev stack, see `devstack.stack`."""
