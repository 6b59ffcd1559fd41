//! The eleven things with redis-rs, the client of most Rust programs. THINGS names those to do.

use futures_util::StreamExt;
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::streams::{StreamPendingReply, StreamReadOptions, StreamReadReply};
use redis::{cmd, pipe, AsyncCommands, AsyncConnectionConfig, Client, Cmd, Direction, FromRedisValue, PushKind};
use redis::{RedisResult, TlsCertificates, Value};
use std::collections::BTreeSet;
use std::env::var;
use std::time::Duration;
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use tokio::task::JoinHandle;
use tokio::time::sleep;

fn env(name: &str) -> String {
    var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn url() -> String {
    format!("redis://{}", env("RESPITE_ADDRESS"))
}

fn urls(name: &str) -> Vec<String> {
    env(name).split(',').map(|place| format!("redis://{place}")).collect()
}

#[tokio::main]
async fn main() -> RedisResult<()> {
    let url = url();
    // docs: connect
    let client = Client::open(url)?;
    let mut redis = client.get_multiplexed_async_connection().await?;
    // docs: end
    for thing in env("THINGS").split(',') {
        let line = match thing {
            "channel" => channel(&mut redis).await?,
            "name" => name(&mut redis).await?,
            "group" => group(&mut redis).await?,
            "schedule" => schedule(&mut redis).await?,
            "queue" => queue(&mut redis).await?,
            "stream" => stream(&mut redis).await?,
            "transaction" => transaction(&mut redis).await?,
            "script" => script(&mut redis).await?,
            "tls" => tls().await?,
            "failover" => failover().await?,
            "slots" => slots().await?,
            other => panic!("{other} is no thing"),
        };
        println!("{thing}: {line}");
    }
    Ok(())
}

/// A subscriber in a task of its own. It ends, and so does its connection, when it is stopped.
struct Subscriber {
    heard: UnboundedReceiver<String>,
    task: JoinHandle<()>,
}

impl Subscriber {
    async fn new(channel: &str) -> RedisResult<Subscriber> {
        let mut subscriber = Client::open(url())?.get_async_pubsub().await?;
        subscriber.subscribe(channel).await?;
        let (send, heard) = unbounded_channel();
        let task = tokio::spawn(async move {
            while let Some(message) = subscriber.on_message().next().await {
                if send.send(message.get_payload().unwrap()).is_err() {
                    break;
                }
            }
        });
        Ok(Subscriber { heard, task })
    }

    async fn next(&mut self) -> String {
        self.heard.recv().await.expect("the subscriber listens")
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn channel(redis: &mut MultiplexedConnection) -> RedisResult<String> {
    let mut subscriber = Subscriber::new("news").await?;
    // docs: publish
    let _: i64 = redis.publish("news", "hello").await?;
    let _: i64 = redis.publish("news", "world").await?;
    // docs: end
    Ok(format!("{}, {}", subscriber.next().await, subscriber.next().await))
}

async fn billing(seen: &mut BTreeSet<String>, enough: usize) -> RedisResult<()> {
    let client = Client::open(format!("{}?protocol=resp3", url()))?;
    // docs: name
    let (push, mut pushed) = unbounded_channel();
    let options = AsyncConnectionConfig::new().set_push_sender(push);
    let mut subscriber = client.get_multiplexed_async_connection_with_config(&options).await?;
    let _: () = cmd("CLIENT").arg("SETNAME").arg("billing").query_async(&mut subscriber).await?;
    subscriber.subscribe("orders.eu").await?;
    while seen.len() < enough {
        let push = pushed.recv().await.expect("the connection is open");
        if push.kind == PushKind::Message {
            seen.insert(String::from_redis_value(push.data[1].clone())?); // It may come again: its id tells.
        }
    }
    // docs: end
    Ok(())
}

async fn name(redis: &mut MultiplexedConnection) -> RedisResult<String> {
    let mut seen = BTreeSet::new();
    billing(&mut seen, 0).await?; // From now on the name is known.
    for id in ["1", "2"] {
        let _: i64 = redis.publish("orders.eu", id).await?;
    }
    billing(&mut seen, 2).await?;
    let words = |some: Vec<&String>| some.into_iter().cloned().collect::<Vec<_>>().join(" ");
    let before = words(seen.iter().collect());
    for id in ["3", "4"] {
        let _: i64 = redis.publish("orders.eu", id).await?;
    }
    billing(&mut seen, 4).await?;
    Ok(format!("{before}, away, {}", words(seen.iter().skip(2).collect())))
}

async fn group(redis: &mut MultiplexedConnection) -> RedisResult<String> {
    let mut one = Subscriber::new("$share/workers/jobs").await?;
    let mut other = Subscriber::new("$share/workers/jobs").await?;
    for i in 1..=6 {
        let _: i64 = redis.publish("jobs", i).await?;
    }
    let mut heard = Vec::new();
    let mut by = [0, 0];
    while heard.len() < 6 {
        tokio::select! {
            message = one.next() => { heard.push(message); by[0] += 1; }
            message = other.next() => { heard.push(message); by[1] += 1; }
        }
    }
    heard.sort();
    let members = if by.contains(&0) { "one member" } else { "both members" };
    Ok(format!("{}, by {members}", heard.join(" ")))
}

async fn schedule(redis: &mut MultiplexedConnection) -> RedisResult<String> {
    let mut subscriber = Subscriber::new("orders.later").await?;
    let commands = [
        &["later", "IN", "500ms"] as &[&str],
        &["now"],
        &["once", "ID", "order-1"],
        &["once", "ID", "order-1"], // Published already.
    ];
    for words in commands {
        let _: Value = cmd("PUBLISH").arg("orders.later").arg(words).query_async(redis).await?;
    }
    let mut heard = Vec::new();
    while !heard.contains(&"later".to_string()) {
        heard.push(subscriber.next().await);
    }
    Ok(heard.join(", "))
}

async fn queue(redis: &mut MultiplexedConnection) -> RedisResult<String> {
    let _: i64 = redis.rpush("queue", &["a", "b", "c"]).await?;
    let mut done = Vec::new();
    loop {
        let job: Option<String> = redis.blmove("queue", "doing", Direction::Left, Direction::Right, 0.1).await?;
        let Some(job) = job else { break };
        let _: i64 = redis.lrem("doing", 1, &job).await?;
        done.push(job);
    }
    let left: i64 = redis.llen("doing").await?;
    Ok(format!("{}, then nothing, {left} unfinished", done.join(" ")))
}

async fn stream(redis: &mut MultiplexedConnection) -> RedisResult<String> {
    let _: () = redis.xgroup_create_mkstream("log", "readers", "0").await?;
    for text in ["one", "two"] {
        let _: String = redis.xadd("log", "*", &[("text", text)]).await?;
    }
    let options = StreamReadOptions::default().group("readers", "ada").count(10);
    let read: StreamReadReply = redis.xread_options(&["log"], &[">"], &options).await?;
    let entries = &read.keys[0].ids;
    let _: i64 = redis.xack("log", "readers", &[&entries[0].id]).await?;
    let texts: Vec<String> = entries.iter().filter_map(|entry| entry.get("text")).collect();
    let pending: StreamPendingReply = redis.xpending("log", "readers").await?;
    Ok(format!("{}, {} pending", texts.join(" "), pending.count()))
}

async fn transaction(redis: &mut MultiplexedConnection) -> RedisResult<String> {
    let mut other = Client::open(url())?.get_multiplexed_async_connection().await?;
    let _: () = redis.set("balance", 10).await?;
    let mut refused = 0;
    loop {
        let _: () = cmd("WATCH").arg("balance").query_async(redis).await?;
        let balance: i64 = redis.get("balance").await?;
        if refused == 0 {
            let _: () = other.set("balance", 12).await?;
        }
        let done: Option<Vec<Value>> = pipe().atomic().set("balance", balance + 3).query_async(redis).await?;
        if done.is_some() {
            break;
        }
        refused += 1;
    }
    let times = if refused == 1 { "once".to_string() } else { format!("{refused} times") };
    let balance: i64 = redis.get("balance").await?;
    Ok(format!("refused {times}, then {balance}"))
}

async fn script(redis: &mut MultiplexedConnection) -> RedisResult<String> {
    let text = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    let first: i64 = cmd("EVAL").arg(text).arg(1).arg("stock").arg(7).query_async(redis).await?;
    let hash: String = cmd("SCRIPT").arg("LOAD").arg(text).query_async(redis).await?;
    let second: i64 = cmd("EVALSHA").arg(hash).arg(1).arg("stock").arg(5).query_async(redis).await?;
    Ok(format!("{first}, then {second} by its hash"))
}

async fn tls() -> RedisResult<String> {
    let (user, password) = (env("RESPITE_USER"), env("RESPITE_PASSWORD"));
    let place = format!("rediss://{user}:{password}@{}", env("RESPITE_TLS_ADDRESS"));
    let root_cert = Some(std::fs::read(env("RESPITE_TLS_CA")).expect("the authority can be read"));
    let client = Client::build_with_tls(place, TlsCertificates { client_tls: None, root_cert })?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let own: String = connection.set("app:1", "x").await?;
    let others = match connection.set::<_, _, String>("other", "x").await {
        Ok(reply) => reply,
        Err(refused) => refused.code().unwrap_or("nothing").to_string(),
    };
    Ok(format!("{own} in its keys, {others} outside"))
}

/// Connects to the leader that a Sentinel tells. (The client's own Sentinel mode wants ROLE to say
/// `sentinel`; brokers that answer in the place of Sentinels say what they are.)
async fn leader() -> RedisResult<MultiplexedConnection> {
    for place in urls("RESPITE_SENTINELS") {
        let Ok(mut sentinel) = Client::open(place)?.get_multiplexed_async_connection().await else { continue };
        let question = cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(env("RESPITE_SHARD")).clone();
        if let Ok(Some((host, port))) = question.query_async::<Option<(String, u16)>>(&mut sentinel).await {
            return Client::open(format!("redis://{host}:{port}"))?.get_multiplexed_async_connection().await;
        }
    }
    Err((redis::ErrorKind::Io, "no leader is known").into())
}

// docs: failover
async fn persist<T: FromRedisValue>(open: &mut Option<MultiplexedConnection>, command: &Cmd) -> T {
    loop {
        if open.is_none() { *open = leader().await.ok() }
        if let Some(connection) = open {
            if let Ok(reply) = command.query_async(connection).await { return reply }
        }
        *open = None; // There is no leader yet, or the connection has ended.
        sleep(Duration::from_millis(20)).await;
    }
}
// docs: end

async fn failover() -> RedisResult<String> {
    let tag = env("RESPITE_TAG");
    let channel = format!("orders.{tag}");
    let mut leader = None;
    let _: Value = persist(&mut leader, cmd("SET").arg(format!("{{{tag}}}ready")).arg("failover")).await;
    let (mut sent, mut more) = (0, 10);
    while more > 0 {
        let _: Value = persist(&mut leader, cmd("PUBLISH").arg(&channel).arg("order").arg("ID").arg(sent)).await;
        sent += 1;
        let said: Option<String> = persist(&mut leader, cmd("GET").arg(format!("{{{tag}}}go"))).await;
        if said.as_deref() == Some("failover") {
            more -= 1;
        }
    }
    let kept: i64 = persist(&mut leader, cmd("XLEN").arg(format!("channel:{{{channel}}}"))).await;
    Ok(if kept == sent {
        "every message is kept once".to_string()
    } else {
        format!("{kept} messages of {sent} are kept")
    })
}

async fn slots() -> RedisResult<String> {
    let tag = env("RESPITE_TAG");
    let mut cluster = ClusterClient::new(urls("RESPITE_NODES"))?.get_async_connection().await?;
    let _: () = cluster.set(format!("{{{tag}}}ready"), "slots").await?;
    let mut written = 0;
    while cluster.get::<_, String>(format!("{{{tag}}}go")).await? != "slots" {
        let _: i64 = cluster.incr(format!("{{{tag}}}count"), 1).await?;
        written += 1;
    }
    let count: i64 = cluster.incr::<_, _, i64>(format!("{{{tag}}}count"), 1).await? - 1;
    Ok(if count == written {
        "every write is there".to_string()
    } else {
        format!("{count} of {written} writes are there")
    })
}
