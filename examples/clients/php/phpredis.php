<?php
// The eleven things with phpredis. THINGS names those to do. A connection that subscribes is held by
// a child process, for PHP waits in `subscribe`; the child prints what it heard into a pipe.

$address = explode(':', getenv('RESPITE_ADDRESS'));
$tag = '{' . getenv('RESPITE_TAG') . '}';

if (($argv[1] ?? '') === 'listen') {
    listen($argv[2], $argv[3]);
    exit;
}

// docs: connect
$redis = new Redis();
$redis->connect($address[0], (int) $address[1]);
// docs: end

foreach (explode(',', getenv('THINGS')) as $thing) {
    echo $thing, ': ', ('thing_' . $thing)(), "\n";
}

function listen(string $channel, string $name): void
{
    global $address;
    $redis = new Redis();
    $redis->connect($address[0], (int) $address[1]);
    // docs: name
    $redis->rawCommand('CLIENT', 'SETNAME', $name);
    $redis->setOption(Redis::OPT_READ_TIMEOUT, -1);
    $redis->subscribe([$channel], function ($redis, $channel, $id) use (&$seen) {
        if (!isset($seen[$id])) {
            echo "$id\n";
        }
        $seen[$id] = true; // A message may come again: its id tells.
    });
    // docs: end
}

/** A child process that listens, and the pipe with what it heard. */
function child(string $channel, string $name = ''): array
{
    global $redis;
    $subscribers = fn () => $redis->pubsub('numsub', [$channel])[$channel] ?? 0;
    $before = $subscribers();
    $process = proc_open([PHP_BINARY, __FILE__, 'listen', $channel, $name], [1 => ['pipe', 'w']], $pipes);
    while ($subscribers() === $before) {
        usleep(5000);
    }
    return [$process, $pipes[1]];
}

function stop(array $child): void
{
    proc_terminate($child[0], 9);
    proc_close($child[0]);
}

function hear(array $child): string
{
    return trim(fgets($child[1]));
}

function thing_channel(): string
{
    global $redis;
    $child = child('news');
    // docs: publish
    $redis->publish('news', 'hello');
    $redis->publish('news', 'world');
    // docs: end
    $heard = hear($child) . ', ' . hear($child);
    stop($child);
    return $heard;
}

function thing_name(): string
{
    global $redis;
    $seen = [];
    $billing = function (array $child, int $enough) use (&$seen): void {
        while (count($seen) < $enough) {
            $seen[hear($child)] = true;
        }
        stop($child);
    };
    $first = child('orders.eu', 'billing');
    foreach (['1', '2'] as $id) {
        $redis->publish('orders.eu', $id);
    }
    $billing($first, 2);
    $before = implode(' ', array_keys($seen));
    while (($redis->pubsub('numsub', ['orders.eu'])['orders.eu'] ?? 0) > 0) {
        usleep(5000);
    }
    foreach (['3', '4'] as $id) {
        $redis->publish('orders.eu', $id);
    }
    $billing(child('orders.eu', 'billing'), 4);
    return "$before, away, " . implode(' ', array_slice(array_keys($seen), 2));
}

function thing_group(): string
{
    global $redis;
    $members = [child('$share/workers/jobs'), child('$share/workers/jobs')];
    for ($i = 1; $i <= 6; $i++) {
        $redis->publish('jobs', (string) $i);
    }
    $heard = [];
    $counts = [0, 0];
    while (count($heard) < 6) {
        $ready = array_column($members, 1);
        $none = null;
        stream_select($ready, $none, $none, null);
        foreach ($members as $i => $member) {
            if (in_array($member[1], $ready, true)) {
                $heard[] = hear($member);
                $counts[$i]++;
                stream_set_blocking($member[1], false);
                while (($more = fgets($member[1])) !== false) {
                    $heard[] = trim($more);
                }
                stream_set_blocking($member[1], true);
            }
        }
    }
    array_map('stop', $members);
    sort($heard);
    return implode(' ', $heard) . ', by ' . (min($counts) > 0 ? 'both members' : 'one member');
}

function thing_schedule(): string
{
    global $redis;
    $child = child('orders.later');
    $redis->rawCommand('PUBLISH', 'orders.later', 'later', 'IN', '500ms');
    $redis->publish('orders.later', 'now');
    $redis->rawCommand('PUBLISH', 'orders.later', 'once', 'ID', 'order-1');
    $redis->rawCommand('PUBLISH', 'orders.later', 'once', 'ID', 'order-1'); // Published already.
    $heard = [];
    while (!in_array('later', $heard, true)) {
        $heard[] = hear($child);
    }
    stop($child);
    return implode(', ', $heard);
}

function thing_queue(): string
{
    global $redis;
    $redis->rPush('queue', 'a', 'b', 'c');
    $done = [];
    while ($job = $redis->rawCommand('BLMOVE', 'queue', 'doing', 'LEFT', 'RIGHT', '0.1')) {
        $done[] = $job;
        $redis->lRem('doing', $job, 1);
    }
    return implode(' ', $done) . ', then nothing, ' . $redis->lLen('doing') . ' unfinished';
}

function thing_stream(): string
{
    global $redis;
    $redis->xGroup('CREATE', 'log', 'readers', '0', true);
    foreach (['one', 'two'] as $text) {
        $redis->xAdd('log', '*', ['text' => $text]);
    }
    $entries = $redis->xReadGroup('readers', 'ada', ['log' => '>'], 10)['log'];
    $redis->xAck('log', 'readers', [array_key_first($entries)]);
    $pending = $redis->xPending('log', 'readers');
    return implode(' ', array_column($entries, 'text')) . ", $pending[0] pending";
}

function thing_transaction(): string
{
    global $redis, $address;
    $other = new Redis();
    $other->connect($address[0], (int) $address[1]);
    $redis->set('balance', 10);
    $refused = 0;
    while (true) {
        $redis->watch('balance');
        $balance = (int) $redis->get('balance');
        if ($refused === 0) {
            $other->set('balance', 12);
        }
        if ($redis->multi()->set('balance', $balance + 3)->exec()) {
            break;
        }
        $refused++;
    }
    return 'refused ' . ($refused === 1 ? 'once' : "$refused times") . ', then ' . $redis->get('balance');
}

function thing_script(): string
{
    global $redis;
    $text = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    $first = $redis->eval($text, ['stock', 7], 1);
    $second = $redis->evalSha($redis->script('load', $text), ['stock', 5], 1);
    return "$first, then $second by its hash";
}

function thing_tls(): string
{
    [$host, $port] = explode(':', getenv('RESPITE_TLS_ADDRESS'));
    $client = new Redis();
    $options = ['stream' => ['cafile' => getenv('RESPITE_TLS_CA')]];
    $client->connect("tls://$host", (int) $port, 5, null, 0, 5, $options);
    $client->auth([getenv('RESPITE_USER'), getenv('RESPITE_PASSWORD')]);
    $own = $client->set('app:1', 'x') ? 'OK' : 'nothing';
    try {
        $others = $client->set('other', 'x') ? 'OK' : 'nothing';
    } catch (RedisException $error) {
        $others = strtok($error->getMessage(), ' ');
    }
    return "$own in its keys, $others outside";
}

/** Connects to the leader that a Sentinel tells. */
function leader(string $sentinel): Redis
{
    [$host, $port] = explode(':', $sentinel);
    $found = (new RedisSentinel($host, (int) $port, 1))->getMasterAddrByName(getenv('RESPITE_SHARD'));
    if (!$found) {
        throw new RedisException('no leader is known');
    }
    $client = new Redis();
    $client->connect($found[0], (int) $found[1], 1);
    return $client;
}

function thing_failover(): string
{
    global $tag;
    $channel = 'orders.' . getenv('RESPITE_TAG');
    // docs: failover
    $persist = function (string ...$command) use (&$client): mixed {
        for ($i = 0;; $i++, usleep(20000)) {
            try {
                $sentinels = explode(',', getenv('RESPITE_SENTINELS'));
                $client ??= leader($sentinels[$i % count($sentinels)]);
                return $client->rawCommand(...$command);
            } catch (RedisException) {
                $client = null; // There is no leader yet, or the connection has ended.
            }
        }
    };
    $publish = fn (string $text, string $id) => $persist('PUBLISH', $channel, $text, 'ID', $id);
    // docs: end
    $persist('SET', "{$tag}ready", 'failover');
    $sent = 0;
    for ($more = 10; $more > 0; $sent++) {
        $publish('order', (string) $sent);
        $more -= $persist('GET', "{$tag}go") === 'failover' ? 1 : 0;
    }
    $kept = $persist('XLEN', 'channel:{' . $channel . '}');
    return $kept === $sent ? 'every message is kept once' : "$kept messages of $sent are kept";
}

function thing_slots(): string
{
    global $tag;
    $cluster = new RedisCluster(null, explode(',', getenv('RESPITE_NODES')));
    $cluster->set("{$tag}ready", 'slots');
    $written = 0;
    while ($cluster->get("{$tag}go") !== 'slots') {
        $cluster->incr("{$tag}count");
        $written++;
    }
    $count = $cluster->incr("{$tag}count") - 1;
    return $count === $written ? 'every write is there' : "$count of $written writes are there";
}
