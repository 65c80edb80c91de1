"""`Event` declares an event, and `capture` captures one in the transaction of the caller."""

from app.extensions.analytics.service.capture import capture
from app.extensions.analytics.service.declaration import Event

__all__ = ["Event", "capture"]
