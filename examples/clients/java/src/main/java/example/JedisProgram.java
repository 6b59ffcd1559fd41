// The eleven things with Jedis, Redis's own client for Java. THINGS names those to do.
package example;

import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.RedisClient;
import redis.clients.jedis.RedisClusterClient;
import redis.clients.jedis.RedisSentinelClient;
import redis.clients.jedis.StreamEntryID;
import redis.clients.jedis.UnifiedJedis;
import redis.clients.jedis.args.ListDirection;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisException;
import redis.clients.jedis.params.XAddParams;
import redis.clients.jedis.params.XReadGroupParams;

public final class JedisProgram {
    private static final HostAndPort PLACE = HostAndPort.from(System.getenv("RESPITE_ADDRESS"));
    private static final String TAG = System.getenv("RESPITE_TAG");
    private static RedisClient redis;

    public static void main(String[] words) throws Exception {
        // docs: connect
        redis = RedisClient.create(PLACE);
        // docs: end
        Map<String, Callable<String>> things = Map.ofEntries(
                Map.entry("channel", JedisProgram::channel), Map.entry("name", JedisProgram::name),
                Map.entry("group", JedisProgram::group), Map.entry("schedule", JedisProgram::schedule),
                Map.entry("queue", JedisProgram::queue), Map.entry("stream", JedisProgram::stream),
                Map.entry("transaction", JedisProgram::transaction), Map.entry("script", JedisProgram::script),
                Map.entry("tls", JedisProgram::tls), Map.entry("failover", JedisProgram::failover),
                Map.entry("slots", JedisProgram::slots));
        for (String thing : System.getenv("THINGS").split(",")) {
            System.out.println(thing + ": " + things.get(thing).call());
        }
        redis.close();
    }

    private static Set<HostAndPort> places(String variable) {
        return Stream.of(System.getenv(variable).split(",")).map(HostAndPort::from).collect(Collectors.toSet());
    }

    private static void until(BooleanSupplier isTrue) throws InterruptedException {
        while (!isTrue.getAsBoolean()) Thread.sleep(5);
    }

    /** A subscriber in a thread of its own. The constructor returns when the server has confirmed it. */
    private static final class Subscriber extends JedisPubSub implements AutoCloseable {
        final BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        private final CountDownLatch confirmed = new CountDownLatch(1);
        private final Jedis connection = new Jedis(PLACE);

        Subscriber(String channel) throws InterruptedException {
            new Thread(() -> {
                try {
                    connection.subscribe(this, channel);
                } catch (JedisConnectionException closed) {
                    // It was closed here.
                }
            }).start();
            confirmed.await();
        }

        @Override
        public void onSubscribe(String channel, int count) {
            confirmed.countDown();
        }

        @Override
        public void onMessage(String channel, String message) {
            heard.add(message);
        }

        @Override
        public void close() {
            connection.disconnect();
        }
    }

    private static String channel() throws Exception {
        try (Subscriber subscriber = new Subscriber("news")) {
            // docs: publish
            redis.publish("news", "hello");
            redis.publish("news", "world");
            // docs: end
            return subscriber.heard.take() + ", " + subscriber.heard.take();
        }
    }

    private static String name() throws Exception {
        Set<String> seen = new LinkedHashSet<>();
        CountDownLatch subscribed = new CountDownLatch(1);
        Thread first = new Thread(() -> billing(seen, 2, subscribed));
        first.start();
        subscribed.await();
        redis.publish("orders.eu", "1");
        redis.publish("orders.eu", "2");
        first.join();
        String before = String.join(" ", seen);
        redis.publish("orders.eu", "3");
        redis.publish("orders.eu", "4");
        billing(seen, 4, subscribed);
        return before + ", away, " + seen.stream().skip(2).collect(Collectors.joining(" "));
    }

    private static void billing(Set<String> seen, int enough, CountDownLatch subscribed) {
        try {
            listenAsBilling(seen, enough, subscribed);
        } catch (JedisConnectionException closed) {
            // It was closed when it had heard enough.
        }
    }

    private static void listenAsBilling(Set<String> seen, int enough, CountDownLatch subscribed) {
        // docs: name
        var options = DefaultJedisClientConfig.builder().clientName("billing").build();
        var connection = new Jedis(PLACE, options);
        var listener = new JedisPubSub() {
            @Override public void onMessage(String channel, String id) {
                seen.add(id); // A message may come again: its id tells.
                if (seen.size() == enough) connection.disconnect();
            }
            // docs: end

            @Override
            public void onSubscribe(String channel, int count) {
                subscribed.countDown();
            }
            // docs: name
        };
        connection.subscribe(listener, "orders.eu");
        // docs: end
    }

    private static String group() throws Exception {
        try (var one = new Subscriber("$share/workers/jobs"); var other = new Subscriber("$share/workers/jobs")) {
            for (int i = 1; i <= 6; i++) redis.publish("jobs", "" + i);
            until(() -> one.heard.size() + other.heard.size() >= 6);
            String all = Stream.concat(one.heard.stream(), other.heard.stream()).sorted().collect(Collectors.joining(" "));
            return all + ", by " + (one.heard.isEmpty() || other.heard.isEmpty() ? "one member" : "both members");
        }
    }

    private static String schedule() throws Exception {
        try (Subscriber subscriber = new Subscriber("orders.later")) {
            redis.sendCommand(Command.PUBLISH, "orders.later", "later", "IN", "500ms");
            redis.publish("orders.later", "now");
            redis.sendCommand(Command.PUBLISH, "orders.later", "once", "ID", "order-1");
            redis.sendCommand(Command.PUBLISH, "orders.later", "once", "ID", "order-1"); // Published already.
            List<String> heard = new ArrayList<>();
            while (!heard.contains("later")) heard.add(subscriber.heard.take());
            return String.join(", ", heard);
        }
    }

    private static String queue() {
        redis.rpush("queue", "a", "b", "c");
        List<String> done = new ArrayList<>();
        while (true) {
            String job = redis.blmove("queue", "doing", ListDirection.LEFT, ListDirection.RIGHT, 0.1);
            if (job == null) break;
            done.add(job);
            redis.lrem("doing", 1, job);
        }
        return String.join(" ", done) + ", then nothing, " + redis.llen("doing") + " unfinished";
    }

    private static String stream() {
        redis.xgroupCreate("log", "readers", new StreamEntryID(0, 0), true);
        for (String text : List.of("one", "two")) redis.xadd("log", XAddParams.xAddParams(), Map.of("text", text));
        var streams = Map.of("log", StreamEntryID.XREADGROUP_UNDELIVERED_ENTRY);
        var options = XReadGroupParams.xReadGroupParams().count(10);
        var entries = redis.xreadGroup("readers", "ada", options, streams).get(0).getValue();
        redis.xack("log", "readers", entries.get(0).getID());
        String texts = entries.stream().map(entry -> entry.getFields().get("text")).collect(Collectors.joining(" "));
        return texts + ", " + redis.xpending("log", "readers").getTotal() + " pending";
    }

    private static String transaction() {
        redis.set("balance", "10");
        int refused = 0;
        while (true) {
            try (var transaction = redis.transaction(false)) {
                transaction.watch("balance");
                int balance = Integer.parseInt(redis.get("balance"));
                if (refused == 0) redis.set("balance", "12");
                transaction.multi();
                transaction.set("balance", "" + (balance + 3));
                if (transaction.exec() != null) break;
                refused++;
            }
        }
        return "refused " + (refused == 1 ? "once" : refused + " times") + ", then " + redis.get("balance");
    }

    private static String script() {
        String text = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
        Object first = redis.eval(text, List.of("stock"), List.of("7"));
        Object second = redis.evalsha(redis.scriptLoad(text), List.of("stock"), List.of("5"));
        return first + ", then " + second + " by its hash";
    }

    private static String tls() throws Exception {
        var config = DefaultJedisClientConfig.builder().ssl(true).sslSocketFactory(trusting(System.getenv("RESPITE_TLS_CA")))
                .user(System.getenv("RESPITE_USER")).password(System.getenv("RESPITE_PASSWORD")).build();
        var place = HostAndPort.from(System.getenv("RESPITE_TLS_ADDRESS"));
        try (var client = RedisClient.builder().hostAndPort(place).clientConfig(config).build()) {
            String own = client.set("app:1", "x");
            String others;
            try {
                others = client.set("other", "x");
            } catch (JedisException refused) {
                others = refused.getMessage().split(" ")[0];
            }
            return own + " in its keys, " + others + " outside";
        }
    }

    /** Trusts the certificates that an authority has signed. */
    private static SSLSocketFactory trusting(String authority) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (var file = new FileInputStream(authority)) {
            store.setCertificateEntry("authority", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context.getSocketFactory();
    }

    // docs: failover
    private static Object persist(UnifiedJedis client, Command command, String... words) throws Exception {
        while (true) {
            try {
                return client.sendCommand(command, words);
            } catch (JedisException failure) {
                Thread.sleep(20); // There is no leader yet.
            }
        }
    }
    // docs: end

    private static String failover() throws Exception {
        String channel = "orders." + TAG;
        Set<HostAndPort> sentinels = places("RESPITE_SENTINELS");
        String shard = System.getenv("RESPITE_SHARD");
        // docs: failover
        var client = RedisSentinelClient.builder().masterName(shard).sentinels(sentinels).build();
        persist(client, Command.PUBLISH, channel, "order", "ID", "0");
        // docs: end
        persist(client, Command.SET, "{" + TAG + "}ready", "failover");
        int sent = 1;
        for (int more = 10; more > 0; sent++) {
            persist(client, Command.PUBLISH, channel, "order", "ID", "" + sent);
            byte[] said = (byte[]) persist(client, Command.GET, "{" + TAG + "}go");
            if (said != null && new String(said).equals("failover")) more--;
        }
        long kept = client.xlen("channel:{" + channel + "}");
        client.close();
        return kept == sent ? "every message is kept once" : kept + " messages of " + sent + " are kept";
    }

    private static String slots() {
        try (var cluster = RedisClusterClient.create(places("RESPITE_NODES"))) {
            cluster.set("{" + TAG + "}ready", "slots");
            long written = 0;
            while (!"slots".equals(cluster.get("{" + TAG + "}go"))) {
                cluster.incr("{" + TAG + "}count");
                written++;
            }
            long count = cluster.incr("{" + TAG + "}count") - 1;
            return count == written ? "every write is there" : count + " of " + written + " writes are there";
        }
    }
}
