"""What the workers of RQ do."""

import os

from redis import Redis

HOST, PORT = os.environ["RESPITE_ADDRESS"].split(":")
redis = Redis(host=HOST, port=int(PORT), decode_responses=True)


def mail(to):
    redis.rpush("done", to)


def moody(to):
    """Fails when it is done for the first time."""
    if redis.incr("attempts") == 1:
        raise RuntimeError("not now")
    mail(to)
