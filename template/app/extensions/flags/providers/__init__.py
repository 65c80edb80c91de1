"""Providers of OpenFeature: the tables of this backend, or PostHog."""
