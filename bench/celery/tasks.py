"""A task that does nothing. Celery's own defaults, but for what helps its throughput."""

import os

from celery import Celery

app = Celery("tasks", broker=os.environ["BENCH_BROKER"], backend=os.environ["BENCH_BACKEND"])
app.conf.update(
    # Durable queues and persistent messages are the default; said here because the comparison rests on them.
    task_default_delivery_mode="persistent",
    # The default of 4 makes a single solo worker wait for the broker.
    worker_prefetch_multiplier=128,
    worker_send_task_events=False,
    result_expires=3600,
)


@app.task
def noop():
    return None
