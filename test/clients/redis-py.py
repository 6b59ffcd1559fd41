"""redis-py as its users use it. Prints what became of each family as JSON: null, or where it failed.

Runs with redis-py 4 (RESP2 only) and later.
"""

import json
import sys
import threading
import traceback

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PORT = int(sys.argv[1])
MAJOR = int(redis.__version__.split(".")[0])


def connect(**options):
    return redis.Redis(port=PORT, decode_responses=True, **options)


def strings(r):
    assert r.set("a", "gr\u00fcn", ex=100)
    assert r.get("a") == "gr\u00fcn"
    assert 90 < r.ttl("a") <= 100
    assert r.set("a", "x", nx=True) is None
    assert r.set("a", "y", get=True) == "gr\u00fcn"
    assert r.incrby("n", 5) == 5 and r.incrbyfloat("f", 0.5) == 0.5
    assert r.mset({"x": 1, "y": 2}) and r.mget("x", "y", "z") == ["1", "2", None]
    raw = redis.Redis(port=PORT)
    raw.set("bytes", b"\x00\xff\r\n")
    assert raw.get("bytes") == b"\x00\xff\r\n"
    assert r.setbit("bits", 7, 1) == 0 and r.bitcount("bits") == 1
    try:
        r.lpush("a", 1)
        raise AssertionError("a string is no list")
    except redis.ResponseError as error:
        assert str(error).startswith("WRONGTYPE")


def structures(r):
    assert r.rpush("list", "a", "b", "c") == 3
    assert r.lrange("list", 0, -1) == ["a", "b", "c"]
    assert r.lmove("list", "other") == "a" and r.lpos("list", "c") == 1
    assert r.blpop("list", timeout=1) == ("list", "b") or MAJOR > 4
    assert r.hset("hash", mapping={"f": 1, "g": 2}) == 2
    assert r.hgetall("hash") == {"f": "1", "g": "2"} and r.hincrby("hash", "f", 4) == 5
    assert r.sadd("set", "a", "b") == 2 and r.smembers("set") == {"a", "b"}
    assert r.zadd("zset", {"a": 1, "b": 2.5}) == 2
    assert [list(pair) for pair in r.zrange("zset", 0, -1, withscores=True)] == [["a", 1.0], ["b", 2.5]]
    assert r.zscore("zset", "b") == 2.5 and r.zrank("zset", "b") == 1
    assert r.geoadd("places", (13.361389, 38.115556, "Palermo")) == 1
    assert r.geopos("places", "Palermo")[0][0] > 13
    assert r.pfadd("loglog", "a", "b") == 1 and r.pfcount("loglog") == 2
    r.mset({f"scan:{i}": i for i in range(50)})
    assert len(set(r.scan_iter("scan:*", count=10))) == 50


def streams(r):
    first = r.xadd("s", {"f": "v"})
    second = r.xadd("s", {"f": "w"}, maxlen=10, approximate=True)
    assert r.xrange("s") == [(first, {"f": "v"}), (second, {"f": "w"})]
    assert r.xgroup_create("s", "g", id="0")
    read = r.xreadgroup("g", "me", {"s": ">"}, count=1)
    assert json.dumps(read).count(first) == 1
    assert r.xpending("s", "g")["pending"] == 1
    assert r.xack("s", "g", first) == 1
    assert r.xinfo_stream("s")["length"] == 2
    assert r.xinfo_groups("s")[0]["name"] == "g"


def pubsub(r):
    listener = r.pubsub()
    listener.subscribe("news")
    listener.psubscribe("n*")
    heard = listener.listen()
    assert [next(heard)["type"], next(heard)["type"]] == ["subscribe", "psubscribe"]
    assert r.publish("news", "hello") == 2
    messages = [next(heard), next(heard)]
    assert [(m["type"], m["data"]) for m in messages] == [("message", "hello"), ("pmessage", "hello")]
    assert r.pubsub_numsub("news")[0][1] == 1
    listener.close()


def pipelines(r):
    with r.pipeline() as pipe:
        assert pipe.set("p", 1).incr("p").get("p").execute() == [True, 2, "2"]
    with r.pipeline(transaction=False) as pipe:
        for i in range(1000):
            pipe.rpush("many", i)
        assert pipe.execute()[-1] == 1000
    with r.pipeline() as pipe:
        pipe.watch("p")
        r.set("p", "changed")
        pipe.multi()
        pipe.set("p", "lost")
        try:
            pipe.execute()
            raise AssertionError("the watched key was changed")
        except redis.WatchError:
            pass
    assert r.transaction(lambda pipe: pipe.multi() or pipe.incr("t"), "t") == [1]


def scripts(r):
    add = r.register_script("return redis.call('incrby', KEYS[1], ARGV[1])")
    assert add(keys=["n"], args=[5]) == 5
    r.script_flush()
    assert add(keys=["n"], args=[5]) == 10
    assert r.eval("return {1, 'two', {ok='three'}}", 0) == [1, "two", "three"]
    assert r.function_load("#!lua name=lib\nredis.register_function('f', function(k, a) return a[1] end)") == "lib"
    assert r.fcall("f", 0, "x") == "x"
    try:
        r.eval("return redis.call('nosuch')", 0)
        raise AssertionError("there is no such command")
    except redis.ResponseError as error:
        assert "Unknown Redis command called from script" in str(error)


def users(r):
    assert r.acl_setuser("alice", enabled=True, passwords=["+pw"], keys=["a:*"], commands=["+get", "+set"], channels=[])
    assert "alice" in r.acl_users() and r.acl_whoami() == "default"
    assert r.acl_getuser("alice")["enabled"]
    alice = connect(username="alice", password="pw")
    assert alice.set("a:1", "v") and alice.get("a:1") == "v"
    for refused in (lambda: alice.get("b"), lambda: alice.delete("a:1")):
        try:
            refused()
            raise AssertionError("alice may not")
        except redis.exceptions.NoPermissionError:
            pass
    try:
        connect(username="alice", password="wrong", retry=Retry(NoBackoff(), 0)).ping()
        raise AssertionError("the password is wrong")
    except (redis.AuthenticationError, redis.ResponseError) as error:
        # redis-py 4 has no name of its own for it.
        assert "invalid username-password pair" in str(error)
    assert r.acl_deluser("alice") == 1


def server(r):
    assert r.ping() and r.echo("x") == "x"
    assert r.info()["redis_version"].startswith("7.2")
    assert r.config_set("maxmemory", "1gb") and r.config_get("maxmemory")["maxmemory"] == str(2**30)
    assert r.config_set("maxmemory", "0")
    assert r.client_setname("me") and r.client_getname() == "me"
    assert any(client["name"] == "me" for client in r.client_list())
    assert int(r.command_count()) > 200 and r.command_getkeys("mset", "a", 1, "b", 2) == ["a", "b"]
    assert r.object("encoding", r.set("o", 1) and "o") == "int"
    assert r.memory_usage("o") > 0
    payload = redis.Redis(port=PORT).dump("o")
    assert redis.Redis(port=PORT).restore("copy", 0, payload) and r.get("copy") == "1"
    lock = r.lock("lock", timeout=10)
    assert lock.acquire(blocking=False) and not r.lock("lock").acquire(blocking=False)
    lock.release()


def blocking(r):
    got = []
    waiter = threading.Thread(target=lambda: got.append(connect().blpop("jobs", timeout=10)))
    waiter.start()
    r.rpush("jobs", "job")
    waiter.join(10)
    assert [list(pair) for pair in got] == [["jobs", "job"]]


FAMILIES = [strings, structures, streams, pubsub, pipelines, scripts, users, server, blocking]
results = {}


def run(name, family, **options):
    try:
        r = connect(**options)
        r.flushall()
        r.function_flush()
        family(r)
        results[name] = None
    except Exception:
        results[name] = traceback.format_exc()


for family in FAMILIES:
    run(f"{family.__name__}, RESP2", family, **({} if MAJOR == 4 else {"protocol": 2}))
    if MAJOR > 4:
        run(f"{family.__name__}, RESP3", family, protocol=3)
print(json.dumps(results))
