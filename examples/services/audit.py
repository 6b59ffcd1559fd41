# A service of examples/durable-event-bus.ts with redis-py: its name is `client_name`. It prints what it hears.

import os
import sys
import threading
import time

import redis


def listen(port):
    client = redis.Redis(port=port, client_name="audit", decode_responses=True)
    channels = client.pubsub()
    channels.subscribe("orders.created")
    for message in channels.listen():
        if message["type"] == "subscribe":
            print("ready", flush=True)
        elif message["type"] == "message":
            print(message["data"], flush=True)


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
while True:
    try:
        listen(int(sys.argv[1]))
    except redis.exceptions.ConnectionError:
        time.sleep(0.02)
