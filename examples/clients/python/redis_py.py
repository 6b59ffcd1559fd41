"""The eleven things with redis-py and asyncio. THINGS names those to do."""

import asyncio
import os

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.exceptions import NoPermissionError, RedisError, WatchError

HOST, PORT = os.environ["RESPITE_ADDRESS"].split(":")
TAG = os.environ["RESPITE_TAG"]


def places(variable):
    """The hosts and ports in a variable."""
    pairs = (address.split(":") for address in os.environ[variable].split(","))
    return [(host, int(port)) for host, port in pairs]


# docs: connect
redis = Redis(host=HOST, port=int(PORT), decode_responses=True)
# docs: end


async def listen(client, channel):
    """Subscribes, and returns when the server has confirmed it."""
    subscriber = client.pubsub()
    await subscriber.subscribe(channel)
    while (await subscriber.get_message(timeout=None))["type"] != "subscribe":
        pass
    return subscriber


async def next_of(subscriber):
    while True:
        event = await subscriber.get_message(ignore_subscribe_messages=True, timeout=None)
        if event is not None:
            return event["data"]


async def channel():
    subscriber = await listen(redis, "news")
    # docs: publish
    await redis.publish("news", "hello")
    await redis.publish("news", "world")
    # docs: end
    heard = [await next_of(subscriber), await next_of(subscriber)]
    await subscriber.aclose()
    return ", ".join(heard)


async def name():
    seen = {}

    async def billing(subscribed, enough):
        # docs: name
        client = Redis(host=HOST, port=int(PORT), client_name="billing", decode_responses=True)
        subscriber = client.pubsub()
        await subscriber.subscribe("orders.eu")
        async for event in subscriber.listen():
            if event["type"] == "message":
                seen[event["data"]] = True  # A message may come again: its id tells.
            # docs: end
            else:
                subscribed.set()
            if len(seen) >= enough:
                break
        await client.connection_pool.disconnect()

    subscribed = asyncio.Event()
    first = asyncio.create_task(billing(subscribed, 2))
    await subscribed.wait()
    for order in ("1", "2"):
        await redis.publish("orders.eu", order)
    await first
    before = " ".join(seen)
    for order in ("3", "4"):
        await redis.publish("orders.eu", order)
    await billing(asyncio.Event(), 4)
    return f"{before}, away, {' '.join(list(seen)[2:])}"


async def group():
    members = [await listen(redis, "$share/workers/jobs") for _ in range(2)]
    for i in range(1, 7):
        await redis.publish("jobs", i)
    heard = [[], []]

    async def hear(member, own):
        while True:
            own.append(await next_of(member))

    tasks = [asyncio.create_task(hear(*pair)) for pair in zip(members, heard)]
    while len(heard[0]) + len(heard[1]) < 6:
        await asyncio.sleep(0.005)
    for task in tasks:
        task.cancel()
    for member in members:
        await member.aclose()
    both = "both members" if all(heard) else "one member"
    return f"{' '.join(sorted(heard[0] + heard[1]))}, by {both}"


async def schedule():
    subscriber = await listen(redis, "orders.later")
    await redis.execute_command("PUBLISH", "orders.later", "later", "IN", "500ms")
    await redis.publish("orders.later", "now")
    await redis.execute_command("PUBLISH", "orders.later", "once", "ID", "order-1")
    await redis.execute_command("PUBLISH", "orders.later", "once", "ID", "order-1")  # Published already.
    heard = []
    while "later" not in heard:
        heard.append(await next_of(subscriber))
    await subscriber.aclose()
    return ", ".join(heard)


async def queue():
    await redis.rpush("queue", "a", "b", "c")
    done = []
    while (job := await redis.blmove("queue", "doing", 0.1, "LEFT", "RIGHT")) is not None:
        done.append(job)
        await redis.lrem("doing", 1, job)
    return f"{' '.join(done)}, then nothing, {await redis.llen('doing')} unfinished"


async def stream():
    await redis.xgroup_create("log", "readers", "0", mkstream=True)
    ids = [await redis.xadd("log", {"text": text}) for text in ("one", "two")]
    read = await redis.xreadgroup("readers", "ada", {"log": ">"}, count=10)
    text = str(read)
    await redis.xack("log", "readers", ids[0])
    found = [word for word in ("one", "two") if f"'{word}'" in text]
    pending = await redis.xpending("log", "readers")
    return f"{' '.join(found)}, {pending['pending']} pending"


async def transaction():
    await redis.set("balance", 10)
    refused = 0
    while True:
        async with redis.pipeline() as pipe:
            try:
                await pipe.watch("balance")
                balance = int(await pipe.get("balance"))
                if refused == 0:
                    await redis.set("balance", 12)
                pipe.multi()
                pipe.set("balance", balance + 3)
                await pipe.execute()
                break
            except WatchError:
                refused += 1
    times = "once" if refused == 1 else f"{refused} times"
    return f"refused {times}, then {await redis.get('balance')}"


async def script():
    text = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
    first = await redis.eval(text, 1, "stock", 7)
    second = await redis.evalsha(await redis.script_load(text), 1, "stock", 5)
    return f"{first}, then {second} by its hash"


async def tls():
    host, port = places("RESPITE_TLS_ADDRESS")[0]
    client = Redis(
        host=host,
        port=port,
        username=os.environ["RESPITE_USER"],
        password=os.environ["RESPITE_PASSWORD"],
        ssl=True,
        ssl_ca_certs=os.environ["RESPITE_TLS_CA"],
    )
    own = "OK" if await client.set("app:1", "x") else "nothing"
    try:
        await client.set("other", "x")
        others = "OK"
    except NoPermissionError:
        others = "NOPERM"
    await client.aclose()
    return f"{own} in its keys, {others} outside"


async def failover():
    key, kept_channel = f"{{{TAG}}}", f"orders.{TAG}"
    # docs: failover
    sentinel = Sentinel(places("RESPITE_SENTINELS"), decode_responses=True)
    client = sentinel.master_for(os.environ["RESPITE_SHARD"])

    async def persist(*command):
        while True:
            try:
                return await client.execute_command(*command)
            except RedisError:
                await asyncio.sleep(0.02)  # There is no leader yet.

    async def publish(text, id):
        await persist("PUBLISH", kept_channel, text, "ID", id)

    # docs: end
    await persist("SET", f"{key}ready", "failover")
    sent, more = 0, 10
    while more > 0:
        await publish("order", sent)
        sent += 1
        if await persist("GET", f"{key}go") == "failover":
            more -= 1
    kept = await client.xlen(f"channel:{{{kept_channel}}}")
    await client.aclose()
    return "every message is kept once" if kept == sent else f"{kept} messages of {sent} are kept"


async def slots():
    key = f"{{{TAG}}}"
    host, port = places("RESPITE_NODES")[0]
    cluster = RedisCluster(host=host, port=port, decode_responses=True)
    await cluster.set(f"{key}ready", "slots")
    written = 0
    while await cluster.get(f"{key}go") != "slots":
        await cluster.incr(f"{key}count")
        written += 1
    count = await cluster.incr(f"{key}count") - 1
    await cluster.aclose()
    return "every write is there" if count == written else f"{count} of {written} writes are there"


async def main():
    for thing in os.environ["THINGS"].split(","):
        print(f"{thing}: {await globals()[thing]()}")
    await redis.aclose()


asyncio.run(main())
