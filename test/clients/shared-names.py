"""A subscriber with a name, as docs/channels.md shows it. Prints the id of each message, or `again` and the id."""

import collections
import json
import sys

import redis

options = {"client_name": "billing"}
if int(redis.__version__.split(".")[0]) > 4:
    options["protocol"] = int(sys.argv[2])
subscriber = redis.Redis(port=int(sys.argv[1]), **options).pubsub()
subscriber.subscribe("orders.eu")
seen = collections.OrderedDict()
for event in subscriber.listen():
    if event["type"] != "message":
        print("subscribed", flush=True)
        continue
    order = json.loads(event["data"])
    if order["id"] in seen:
        print("again", order["id"], flush=True)
        continue
    seen[order["id"]] = True
    if len(seen) > 10_000:
        seen.popitem(last=False)
    print(order["id"], flush=True)
