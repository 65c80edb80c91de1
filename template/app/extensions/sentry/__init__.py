"""Sentry: errors of ours and failed tasks, and whether schedules run, without what people sent."""
