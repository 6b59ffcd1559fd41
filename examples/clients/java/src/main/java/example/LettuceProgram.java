// The eleven things with Lettuce. THINGS names those to do.
package example;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.Consumer;
import io.lettuce.core.LMoveArgs;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisURI;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.SslOptions;
import io.lettuce.core.XGroupCreateArgs;
import io.lettuce.core.XReadArgs;
import io.lettuce.core.XReadArgs.StreamOffset;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.output.IntegerOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.io.File;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

public final class LettuceProgram {
    private static final String TAG = System.getenv("RESPITE_TAG");
    private static final RedisClient CLIENT = RedisClient.create(uri(System.getenv("RESPITE_ADDRESS")).build());
    private static final RedisCommands<String, String> REDIS = CLIENT.connect().sync();

    public static void main(String[] words) throws Exception {
        Map<String, Callable<String>> things = Map.ofEntries(
                Map.entry("channel", LettuceProgram::channel), Map.entry("name", LettuceProgram::name),
                Map.entry("group", LettuceProgram::group), Map.entry("schedule", LettuceProgram::schedule),
                Map.entry("queue", LettuceProgram::queue), Map.entry("stream", LettuceProgram::stream),
                Map.entry("transaction", LettuceProgram::transaction), Map.entry("script", LettuceProgram::script),
                Map.entry("tls", LettuceProgram::tls), Map.entry("failover", LettuceProgram::failover),
                Map.entry("slots", LettuceProgram::slots));
        for (String thing : System.getenv("THINGS").split(",")) {
            System.out.println(thing + ": " + things.get(thing).call());
        }
        CLIENT.shutdown();
    }

    private static RedisURI.Builder uri(String address) {
        String[] parts = address.split(":");
        return RedisURI.builder().withHost(parts[0]).withPort(Integer.parseInt(parts[1]));
    }

    private static void until(BooleanSupplier isTrue) throws InterruptedException {
        while (!isTrue.getAsBoolean()) Thread.sleep(5);
    }

    /** Subscribes to a channel, and returns when the server has confirmed it. */
    private static StatefulRedisPubSubConnection<String, String> listen(
            RedisURI place, String channel, java.util.function.Consumer<String> hear) {
        var connection = CLIENT.connectPubSub(place);
        connection.addListener(new RedisPubSubAdapter<String, String>() {
            @Override
            public void message(String from, String message) {
                hear.accept(message);
            }
        });
        connection.sync().subscribe(channel);
        return connection;
    }

    private static StatefulRedisPubSubConnection<String, String> listen(
            String channel, java.util.function.Consumer<String> hear) {
        return listen(uri(System.getenv("RESPITE_ADDRESS")).build(), channel, hear);
    }

    private static String channel() throws Exception {
        BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        try (var subscriber = listen("news", heard::add)) {
            REDIS.publish("news", "hello");
            REDIS.publish("news", "world");
            return heard.take() + ", " + heard.take();
        }
    }

    private static String name() throws Exception {
        Set<String> seen = java.util.Collections.synchronizedSet(new LinkedHashSet<>());
        RedisURI billing = uri(System.getenv("RESPITE_ADDRESS")).withClientName("billing").build();
        try (var first = listen(billing, "orders.eu", seen::add)) {
            REDIS.publish("orders.eu", "1");
            REDIS.publish("orders.eu", "2");
            until(() -> seen.size() == 2);
        }
        String before = String.join(" ", seen);
        REDIS.publish("orders.eu", "3");
        REDIS.publish("orders.eu", "4");
        // A message may come again: its id tells.
        try (var second = listen(billing, "orders.eu", seen::add)) {
            until(() -> seen.size() == 4);
        }
        return before + ", away, " + seen.stream().skip(2).collect(Collectors.joining(" "));
    }

    private static String group() throws Exception {
        BlockingQueue<String> first = new LinkedBlockingQueue<>();
        BlockingQueue<String> second = new LinkedBlockingQueue<>();
        try (var one = listen("$share/workers/jobs", first::add); var other = listen("$share/workers/jobs", second::add)) {
            for (int i = 1; i <= 6; i++) REDIS.publish("jobs", "" + i);
            until(() -> first.size() + second.size() >= 6);
        }
        String all = Stream.concat(first.stream(), second.stream()).sorted().collect(Collectors.joining(" "));
        return all + ", by " + (first.isEmpty() || second.isEmpty() ? "one member" : "both members");
    }

    private static Long publish(RedisCommands<String, String> commands, String channel, String... words) {
        var arguments = new CommandArgs<>(StringCodec.UTF8).addKey(channel);
        for (String word : words) arguments.add(word);
        return commands.dispatch(CommandType.PUBLISH, new IntegerOutput<>(StringCodec.UTF8), arguments);
    }

    private static String schedule() throws Exception {
        BlockingQueue<String> messages = new LinkedBlockingQueue<>();
        try (var subscriber = listen("orders.later", messages::add)) {
            publish(REDIS, "orders.later", "later", "IN", "500ms");
            publish(REDIS, "orders.later", "now");
            publish(REDIS, "orders.later", "once", "ID", "order-1");
            publish(REDIS, "orders.later", "once", "ID", "order-1"); // Published already.
            List<String> heard = new ArrayList<>();
            while (!heard.contains("later")) heard.add(messages.take());
            return String.join(", ", heard);
        }
    }

    private static String queue() {
        REDIS.rpush("queue", "a", "b", "c");
        List<String> done = new ArrayList<>();
        while (true) {
            String job = REDIS.blmove("queue", "doing", LMoveArgs.Builder.leftRight(), 0.1);
            if (job == null) break;
            done.add(job);
            REDIS.lrem("doing", 1, job);
        }
        return String.join(" ", done) + ", then nothing, " + REDIS.llen("doing") + " unfinished";
    }

    private static String stream() {
        REDIS.xgroupCreate(StreamOffset.from("log", "0"), "readers", XGroupCreateArgs.Builder.mkstream());
        for (String text : List.of("one", "two")) REDIS.xadd("log", Map.of("text", text));
        var entries = REDIS.xreadgroup(
                Consumer.from("readers", "ada"), XReadArgs.Builder.count(10), StreamOffset.lastConsumed("log"));
        REDIS.xack("log", "readers", entries.get(0).getId());
        String texts = entries.stream().map(entry -> entry.getBody().get("text")).collect(Collectors.joining(" "));
        return texts + ", " + REDIS.xpending("log", "readers").getCount() + " pending";
    }

    private static String transaction() {
        try (var other = CLIENT.connect()) {
            REDIS.set("balance", "10");
            int refused = 0;
            while (true) {
                REDIS.watch("balance");
                int balance = Integer.parseInt(REDIS.get("balance"));
                if (refused == 0) other.sync().set("balance", "12");
                REDIS.multi();
                REDIS.set("balance", "" + (balance + 3));
                if (!REDIS.exec().wasDiscarded()) break;
                refused++;
            }
            return "refused " + (refused == 1 ? "once" : refused + " times") + ", then " + REDIS.get("balance");
        }
    }

    private static String script() {
        String text = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
        String[] keys = {"stock"};
        Long first = REDIS.eval(text, ScriptOutputType.INTEGER, keys, "7");
        Long second = REDIS.evalsha(REDIS.scriptLoad(text), ScriptOutputType.INTEGER, keys, "5");
        return first + ", then " + second + " by its hash";
    }

    private static String tls() {
        RedisURI place = uri(System.getenv("RESPITE_TLS_ADDRESS")).withSsl(true)
                .withAuthentication(System.getenv("RESPITE_USER"), System.getenv("RESPITE_PASSWORD").toCharArray()).build();
        RedisClient client = RedisClient.create(place);
        SslOptions trust = SslOptions.builder().trustManager(new File(System.getenv("RESPITE_TLS_CA"))).build();
        client.setOptions(ClientOptions.builder().sslOptions(trust).build());
        try {
            var commands = client.connect().sync();
            String own = commands.set("app:1", "x");
            String others;
            try {
                others = commands.set("other", "x");
            } catch (RedisException refused) {
                others = refused.getMessage().split(" ")[0];
            }
            return own + " in its keys, " + others + " outside";
        } finally {
            client.shutdown();
        }
    }

    /** Tries until the broker has done it. An id makes it one message, however often it is sent. */
    private static <T> T persist(Callable<T> command) throws Exception {
        while (true) {
            try {
                return command.call();
            } catch (RedisException failure) {
                Thread.sleep(20);
            }
        }
    }

    private static String failover() throws Exception {
        String channel = "orders." + TAG;
        RedisURI.Builder place = RedisURI.builder().withSentinelMasterId(System.getenv("RESPITE_SHARD"));
        for (String sentinel : System.getenv("RESPITE_SENTINELS").split(",")) {
            place.withSentinel(sentinel.split(":")[0], Integer.parseInt(sentinel.split(":")[1]));
        }
        RedisClient client = RedisClient.create(place.withTimeout(Duration.ofSeconds(1)).build());
        RedisCommands<String, String> commands = persist(() -> client.connect().sync());
        persist(() -> commands.set("{" + TAG + "}ready", "failover"));
        int sent = 0;
        for (int more = 10; more > 0; sent++) {
            String id = "" + sent;
            persist(() -> publish(commands, channel, "order", "ID", id));
            if ("failover".equals(persist(() -> commands.get("{" + TAG + "}go")))) more--;
        }
        long kept = persist(() -> commands.xlen("channel:{" + channel + "}"));
        client.shutdown();
        return kept == sent ? "every message is kept once" : kept + " messages of " + sent + " are kept";
    }

    private static String slots() {
        var nodes = Stream.of(System.getenv("RESPITE_NODES").split(",")).map(node -> uri(node).build()).toList();
        RedisClusterClient client = RedisClusterClient.create(nodes);
        var cluster = client.connect().sync();
        cluster.set("{" + TAG + "}ready", "slots");
        long written = 0;
        while (!"slots".equals(cluster.get("{" + TAG + "}go"))) {
            cluster.incr("{" + TAG + "}count");
            written++;
        }
        long count = cluster.incr("{" + TAG + "}count") - 1;
        client.shutdown();
        return count == written ? "every write is there" : count + " of " + written + " writes are there";
    }
}
