"""A subscriber with a name, as docs/channels.md shows it. Prints the id of each message, or `again` and the id.

Arguments: the port, the protocol and the name. redis-py subscribes again when it reconnects, but tells the program that a
connection broke.
"""

import collections
import json
import sys
import time

import redis

options = {"client_name": sys.argv[3]}
if int(redis.__version__.split(".")[0]) > 4:
    options["protocol"] = int(sys.argv[2])
subscriber = redis.Redis(port=int(sys.argv[1]), **options).pubsub()
seen = collections.OrderedDict()


def take(event):
    if event["type"] != "message":
        print("subscribed", flush=True)
        return
    order = json.loads(event["data"])
    if order["id"] in seen:
        print("again", order["id"], flush=True)
        return
    seen[order["id"]] = True
    if len(seen) > 10_000:
        seen.popitem(last=False)
    print(order["id"], flush=True)


subscriber.subscribe("orders.eu")
while True:
    try:
        for event in subscriber.listen():
            take(event)
    except (redis.ConnectionError, redis.TimeoutError):
        time.sleep(0.02)
