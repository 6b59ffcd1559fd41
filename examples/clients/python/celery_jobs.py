"""A job queue with Celery: what its users do with it. THINGS names those to do."""

import os
import subprocess
import sys
import time

from celery import Celery
from redis import Redis

HOST, PORT = os.environ["RESPITE_ADDRESS"].split(":")
URL = f"redis://{HOST}:{PORT}/0"
app = Celery("celery_jobs", broker=URL, backend=URL)
app.conf.worker_hijack_root_logger = False
redis = Redis(host=HOST, port=int(PORT), decode_responses=True)


@app.task(name="mail")
def mail(to):
    redis.rpush("done", to)


@app.task(name="moody", bind=True)
def moody(self, to):
    """Fails when it is done for the first time."""
    if self.request.retries == 0:
        redis.incr("failures")
        raise self.retry(countdown=0.1)
    redis.rpush("done", to)


def add():
    for to in ("a", "b", "c"):
        mail.delay(to)
    return f"{redis.llen('celery')} jobs are waiting"


def wait_for(to):
    while to not in (sent := redis.lrange("done", 0, -1)):
        time.sleep(0.01)
    return sent


def work():
    sent = wait_for("c")
    return f"{' '.join(sent)}, {'each once' if len(set(sent)) == len(sent) else 'some twice'}"


def retry():
    moody.delay("d").get(timeout=30)
    failures = int(redis.get("failures"))
    return f"failed {'once' if failures == 1 else f'{failures} times'}, then done"


def delayed():
    begin = time.monotonic()
    mail.apply_async(("e",), countdown=1).get(timeout=30)
    return "not before its time" if time.monotonic() - begin >= 1 else "too early"


def main():
    worker = None
    try:
        for thing in os.environ["THINGS"].split(","):
            if thing != "add" and worker is None:
                command = ["-m", "celery", "-A", "celery_jobs", "--quiet", "worker", "--pool", "solo", "--without-mingle"]
                worker = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            print(f"{thing}: {globals()[thing]()}")
    finally:
        if worker is not None:
            worker.terminate()
            worker.wait()


if __name__ == "__main__":
    main()
