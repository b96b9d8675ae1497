"""Sends tasks and waits for their results, as told on stdin: a JSON object a line, one line of JSON in reply."""

import json
import sys
import time
from collections import deque

from tasks import noop

TIMEOUT_SECONDS = 60


def round_trips(count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        noop.delay().get(timeout=TIMEOUT_SECONDS)
        times.append((time.perf_counter() - start) * 1000)
    return times


def stream(seconds, jobs, in_flight):
    """One solo worker ends tasks in the order of their sending, so the oldest result is always the next."""
    start = time.perf_counter()
    end = start + seconds
    sent = 0
    waiting = deque()
    while True:
        while len(waiting) < in_flight and sent < jobs and time.perf_counter() < end:
            waiting.append(noop.delay())
            sent += 1
        if not waiting:
            break
        waiting.popleft().get(timeout=TIMEOUT_SECONDS)
    return {"jobs": sent, "elapsedMs": (time.perf_counter() - start) * 1000}


for line in sys.stdin:
    request = json.loads(line)
    if request["kind"] == "round-trips":
        reply = round_trips(request["count"])
    else:
        reply = stream(request["seconds"], request["jobs"], request["inFlight"])
    print(json.dumps(reply), flush=True)
