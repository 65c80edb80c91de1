"""Enters and leaves what features do in the processes of Celery: see `app.core.process`.

A process that is killed leaves nothing.
"""

import atexit
from contextlib import ExitStack
from typing import Any

from celery.signals import beat_init, worker_init, worker_process_init, worker_process_shutdown

from app.core.collector import tune_collector
from app.core.process import process

_stack = ExitStack()


@worker_init.connect
def _prepare_worker(**_: Any) -> None:
    # Before the children fork: they share the memory that the collector does not visit.
    tune_collector()


@worker_process_init.connect
def _start_worker(**_: Any) -> None:
    _stack.enter_context(process("worker"))


@worker_process_shutdown.connect
def _stop_worker(**_: Any) -> None:
    _stack.close()


@beat_init.connect
def _start_beat(**_: Any) -> None:
    _stack.enter_context(process("beat"))
    atexit.register(_stack.close)
