"""Tracing: spans of requests, tasks, SQL, Redis and outgoing HTTP, sent by OTLP."""
