//! The eleven things with fred. THINGS names those to do.

use fred::clients::Client;
use fred::cmd;
use fred::prelude::*;
use fred::rustls::pki_types::{pem::PemObject, CertificateDer};
use fred::rustls::{ClientConfig, RootCertStore};
use fred::types::config::{Server, TlsConnector};
use fred::types::lists::LMoveDirection;
use fred::types::streams::XReadResponse;
use fred::types::RespVersion;
use std::collections::{BTreeSet, HashMap};
use std::env::var;
use std::time::Duration;
use tokio::time::sleep;

fn env(name: &str) -> String {
    var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn servers(name: &str) -> Vec<Server> {
    env(name).split(',').map(|place| Server::try_from(place).expect("a host and a port")).collect()
}

async fn connect(config: Config) -> FredResult<Client> {
    let client = Builder::from_config(config)
        .set_policy(ReconnectPolicy::new_constant(0, 20))
        .with_connection_config(|options| options.max_command_attempts = 1)
        .build()?;
    client.init().await?;
    Ok(client)
}

fn centralized() -> Config {
    Config::from_url(&format!("redis://{}", env("RESPITE_ADDRESS"))).expect("an address")
}

#[tokio::main]
async fn main() -> FredResult<()> {
    let redis = connect(centralized()).await?;
    for thing in env("THINGS").split(',') {
        let line = match thing {
            "channel" => channel(&redis).await?,
            "name" => name(&redis).await?,
            "group" => group(&redis).await?,
            "schedule" => schedule(&redis).await?,
            "queue" => queue(&redis).await?,
            "stream" => stream(&redis).await?,
            "transaction" => transaction(&redis).await?,
            "script" => script(&redis).await?,
            "tls" => tls().await?,
            "failover" => failover().await?,
            "slots" => slots().await?,
            other => panic!("{other} is no thing"),
        };
        println!("{thing}: {line}");
    }
    Ok(())
}

/// A connection that subscribes, and its messages.
struct Subscriber {
    client: Client,
    messages: tokio::sync::broadcast::Receiver<fred::types::Message>,
}

impl Subscriber {
    async fn new(channel: &str, name: Option<&str>) -> FredResult<Subscriber> {
        let client = connect(Config { version: RespVersion::RESP3, ..centralized() }).await?;
        if let Some(name) = name {
            client.client_setname(name).await?;
        }
        let messages = client.message_rx();
        client.subscribe(channel).await?; // Does not wait for the confirmation.
        client.ping::<String>(None).await?;
        Ok(Subscriber { client, messages })
    }

    async fn next(&mut self) -> FredResult<String> {
        self.messages.recv().await.expect("the subscriber listens").value.convert()
    }
}

async fn channel(redis: &Client) -> FredResult<String> {
    let mut subscriber = Subscriber::new("news", None).await?;
    redis.publish::<i64, _, _>("news", "hello").await?;
    redis.publish::<i64, _, _>("news", "world").await?;
    let heard = format!("{}, {}", subscriber.next().await?, subscriber.next().await?);
    subscriber.client.quit().await?;
    Ok(heard)
}

async fn billing(seen: &mut BTreeSet<String>, enough: usize) -> FredResult<()> {
    let mut subscriber = Subscriber::new("orders.eu", Some("billing")).await?;
    while seen.len() < enough {
        seen.insert(subscriber.next().await?); // A message may come again: its id tells.
    }
    subscriber.client.quit().await // Its place is remembered.
}

async fn name(redis: &Client) -> FredResult<String> {
    let mut seen = BTreeSet::new();
    billing(&mut seen, 0).await?; // From now on the name is known.
    for id in ["1", "2"] {
        redis.publish::<i64, _, _>("orders.eu", id).await?;
    }
    billing(&mut seen, 2).await?;
    let words = |some: Vec<&String>| some.into_iter().cloned().collect::<Vec<_>>().join(" ");
    let before = words(seen.iter().collect());
    for id in ["3", "4"] {
        redis.publish::<i64, _, _>("orders.eu", id).await?;
    }
    billing(&mut seen, 4).await?;
    Ok(format!("{before}, away, {}", words(seen.iter().skip(2).collect())))
}

async fn group(redis: &Client) -> FredResult<String> {
    let mut one = Subscriber::new("$share/workers/jobs", None).await?;
    let mut other = Subscriber::new("$share/workers/jobs", None).await?;
    for i in 1..=6 {
        redis.publish::<i64, _, _>("jobs", i).await?;
    }
    let mut heard: Vec<String> = Vec::new();
    let mut by = [0, 0];
    while heard.len() < 6 {
        tokio::select! {
            message = one.next() => { heard.push(message?); by[0] += 1; }
            message = other.next() => { heard.push(message?); by[1] += 1; }
        }
    }
    heard.sort();
    one.client.quit().await?;
    other.client.quit().await?;
    let members = if by.contains(&0) { "one member" } else { "both members" };
    Ok(format!("{}, by {members}", heard.join(" ")))
}

async fn schedule(redis: &Client) -> FredResult<String> {
    let mut subscriber = Subscriber::new("orders.later", None).await?;
    let commands = [
        vec!["orders.later", "later", "IN", "500ms"],
        vec!["orders.later", "now"],
        vec!["orders.later", "once", "ID", "order-1"],
        vec!["orders.later", "once", "ID", "order-1"], // Published already.
    ];
    for words in commands {
        redis.custom::<Value, _>(cmd!("PUBLISH"), words).await?;
    }
    let mut heard: Vec<String> = Vec::new();
    while !heard.contains(&"later".to_string()) {
        heard.push(subscriber.next().await?);
    }
    subscriber.client.quit().await?;
    Ok(heard.join(", "))
}

async fn queue(redis: &Client) -> FredResult<String> {
    redis.rpush::<i64, _, _>("queue", vec!["a", "b", "c"]).await?;
    let mut done: Vec<String> = Vec::new();
    loop {
        let (from, to) = (LMoveDirection::Left, LMoveDirection::Right);
        let job: String = match redis.blmove("queue", "doing", from, to, 0.1).await {
            Err(error) if *error.kind() == ErrorKind::Timeout => break, // There was none.
            job => job?,
        };
        redis.lrem::<i64, _, _>("doing", 1, job.clone()).await?;
        done.push(job);
    }
    let left: i64 = redis.llen("doing").await?;
    Ok(format!("{}, then nothing, {left} unfinished", done.join(" ")))
}

async fn stream(redis: &Client) -> FredResult<String> {
    redis.xgroup_create::<(), _, _, _>("log", "readers", "0", true).await?;
    for text in ["one", "two"] {
        redis.xadd::<String, _, _, _, _>("log", false, None::<()>, "*", ("text", text)).await?;
    }
    let read: XReadResponse<String, String, String, String> =
        redis.xreadgroup_map("readers", "ada", Some(10), None, false, "log", ">").await?;
    let entries = &read["log"];
    redis.xack::<i64, _, _, _>("log", "readers", entries[0].0.clone()).await?;
    let texts: Vec<&str> = entries.iter().map(|(_, fields): &(String, HashMap<String, String>)| fields["text"].as_str()).collect();
    let (pending, _, _, _): (i64, Value, Value, Value) = redis.xpending("log", "readers", ()).await?;
    Ok(format!("{}, {pending} pending", texts.join(" ")))
}

async fn transaction(redis: &Client) -> FredResult<String> {
    let other = connect(centralized()).await?;
    redis.set::<(), _, _>("balance", 10, None, None, false).await?;
    let mut refused = 0;
    loop {
        redis.watch("balance").await?;
        let balance: i64 = redis.get("balance").await?;
        if refused == 0 {
            other.set::<(), _, _>("balance", 12, None, None, false).await?;
        }
        let transaction = redis.multi();
        transaction.set::<(), _, _>("balance", balance + 3, None, None, false).await?;
        let done: Value = transaction.exec(true).await?;
        if !done.is_null() {
            break;
        }
        refused += 1;
    }
    other.quit().await?;
    let times = if refused == 1 { "once".to_string() } else { format!("{refused} times") };
    let balance: i64 = redis.get("balance").await?;
    Ok(format!("refused {times}, then {balance}"))
}

async fn script(redis: &Client) -> FredResult<String> {
    let text = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    let first: i64 = redis.eval(text, "stock", 7).await?;
    let hash: String = redis.script_load(text).await?;
    let second: i64 = redis.evalsha(hash, "stock", 5).await?;
    Ok(format!("{first}, then {second} by its hash"))
}

async fn tls() -> FredResult<String> {
    let mut authorities = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(env("RESPITE_TLS_CA")).expect("a certificate");
    authorities.add(certificate).expect("an authority");
    let trust = ClientConfig::builder().with_root_certificates(authorities).with_no_client_auth();
    let config = Config {
        server: ServerConfig::Centralized { server: servers("RESPITE_TLS_ADDRESS").remove(0) },
        username: Some(env("RESPITE_USER")),
        password: Some(env("RESPITE_PASSWORD")),
        tls: Some(TlsConnector::from(trust).into()),
        ..Config::default()
    };
    let client = connect(config).await?;
    let own: String = client.set("app:1", "x", None, None, false).await?;
    let others = match client.set::<String, _, _>("other", "x", None, None, false).await {
        Ok(reply) => reply,
        Err(refused) => refused.details().split(' ').next().unwrap_or_default().to_string(),
    };
    client.quit().await?;
    Ok(format!("{own} in its keys, {others} outside"))
}

/// Tries until the broker has done it. An id makes it one message, however often it is sent.
async fn persist<T: FromValue>(client: &Client, name: &'static str, words: &[&str]) -> T {
    loop {
        let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        if let Ok(reply) = client.custom(cmd!(name), words).await {
            return reply;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn failover() -> FredResult<String> {
    let tag = env("RESPITE_TAG");
    let channel = format!("orders.{tag}");
    let server = ServerConfig::Sentinel { hosts: servers("RESPITE_SENTINELS"), service_name: env("RESPITE_SHARD") };
    let client = connect(Config { server, ..Config::default() }).await?;
    persist::<Value>(&client, "SET", &[&format!("{{{tag}}}ready"), "failover"]).await;
    let (mut sent, mut more) = (0, 10);
    while more > 0 {
        persist::<Value>(&client, "PUBLISH", &[&channel, "order", "ID", &sent.to_string()]).await;
        sent += 1;
        let said: Option<String> = persist(&client, "GET", &[&format!("{{{tag}}}go")]).await;
        if said.as_deref() == Some("failover") {
            more -= 1;
        }
    }
    let kept: i64 = persist(&client, "XLEN", &[&format!("channel:{{{channel}}}")]).await;
    client.quit().await?;
    Ok(if kept == sent {
        "every message is kept once".to_string()
    } else {
        format!("{kept} messages of {sent} are kept")
    })
}

async fn slots() -> FredResult<String> {
    let tag = env("RESPITE_TAG");
    let server = ServerConfig::Clustered { hosts: servers("RESPITE_NODES"), policy: Default::default() };
    let config = Config { server, ..Config::default() };
    let cluster = Builder::from_config(config).build()?;
    cluster.init().await?;
    cluster.set::<(), _, _>(format!("{{{tag}}}ready"), "slots", None, None, false).await?;
    let mut written = 0;
    while cluster.get::<String, _>(format!("{{{tag}}}go")).await? != "slots" {
        cluster.incr::<i64, _>(format!("{{{tag}}}count")).await?;
        written += 1;
    }
    let count = cluster.incr::<i64, _>(format!("{{{tag}}}count")).await? - 1;
    cluster.quit().await?;
    Ok(if count == written {
        "every write is there".to_string()
    } else {
        format!("{count} of {written} writes are there")
    })
}
