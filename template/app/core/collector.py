"""The garbage collector of a process that has started."""

import gc


def tune_collector() -> None:
    """Exempt what the start created from collection, and collect less often.

    A start creates a million objects that live as long as the process, and Python visits them all
    in each full collection. This takes tens of milliseconds, during which no request is answered.
    The interpreter's thresholds (700, 10, 10) suit short scripts.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
