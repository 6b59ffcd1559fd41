"""A job queue with RQ: what its users do with it. THINGS names those to do."""

import logging
import os
import time
from datetime import timedelta

from redis import Redis
from rq import Queue, Retry, SimpleWorker

import tasks

HOST, PORT = os.environ["RESPITE_ADDRESS"].split(":")
connection = Redis(host=HOST, port=int(PORT))
queue = Queue("mails", connection=connection)
logging.disable(logging.CRITICAL)


def work_until(to):
    """Works until a mail is sent; returns all that are."""
    while to not in (sent := tasks.redis.lrange("done", 0, -1)):
        worker = SimpleWorker([queue], connection=connection)
        worker.work(burst=True, with_scheduler=True, logging_level="CRITICAL")
        time.sleep(0.02)
    return sent


def add():
    for to in ("a", "b", "c"):
        queue.enqueue(tasks.mail, to)
    return f"{queue.count} jobs are waiting"


def work():
    sent = work_until("c")
    return f"{' '.join(sent)}, {'each once' if len(set(sent)) == len(sent) else 'some twice'}"


def retry():
    queue.enqueue(tasks.moody, "d", retry=Retry(max=2))
    work_until("d")
    failures = int(tasks.redis.get("attempts")) - 1
    return f"failed {'once' if failures == 1 else f'{failures} times'}, then done"


def delayed():
    begin = time.monotonic()
    queue.enqueue_in(timedelta(seconds=2), tasks.mail, "e")
    work_until("e")
    # RQ plans by whole seconds, so a job may come up to a second early.
    return "not before its time" if time.monotonic() - begin >= 1 else "too early"


for thing in os.environ["THINGS"].split(","):
    print(f"{thing}: {globals()[thing]()}")
