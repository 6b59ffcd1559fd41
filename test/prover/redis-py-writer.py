# Pushes values with redis-py's Sentinel client at default settings, until its input ends. Prints `ok VALUE` for
# each value that was acknowledged, `failed VALUE` for the others.

import sys
import threading

from redis.sentinel import Sentinel

key, name, *addresses = sys.argv[1:]
sentinel = Sentinel([tuple(address.rsplit(":", 1)) for address in addresses])
client = sentinel.master_for(name)
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
i = 0
while not over.is_set():
    value = f"py-{i}"
    try:
        client.rpush(key, value)
        print("ok", value, flush=True)
    except Exception:  # Whatever it is, the outcome is not known.
        print("failed", value, flush=True)
        over.wait(0.02)
    i += 1
    over.wait(0.005)
