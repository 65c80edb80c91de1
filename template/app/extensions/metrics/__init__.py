"""Metrics for Prometheus: requests, tasks, queues and pools of all processes at one address."""
