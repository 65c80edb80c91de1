"""`app worker` with the tasks of the sample: `python -m tests.core.tasks.faults.sample_worker`."""

from app.core.cli.processes import worker
from tests.core.tasks.faults import sample

assert sample.TASKS
worker(concurrency=2, log_level="info")
