<?php
// The eleven things with Predis (Debian's package php-predis). THINGS names those to do.

error_reporting(E_ALL & ~E_DEPRECATED); // Version 1.1 is older than PHP 8.2.
require 'Predis/autoload.php';

use Predis\Client;
use Predis\PredisException;
use Predis\PubSub\Consumer;
use Predis\Response\ServerException;

$redis = new Client('tcp://' . getenv('RESPITE_ADDRESS'));
foreach (explode(',', getenv('THINGS')) as $thing) {
    $line = ('thing_' . $thing)($redis);
    echo "$thing: $line\n";
}

function key_of(string $name): string
{
    return '{' . getenv('RESPITE_TAG') . '}' . $name;
}

function addresses(string $variable): array
{
    return array_map(fn ($place) => "tcp://$place", explode(',', getenv($variable)));
}

/** Subscribes, by name if one is given, and returns when the server has confirmed it. */
function listen(string $channel, string $name = ''): Consumer
{
    $client = new Client('tcp://' . getenv('RESPITE_ADDRESS') . '?read_write_timeout=0');
    if ($name !== '') {
        $client->client('SETNAME', $name);
    }
    $consumer = $client->pubSubLoop(['subscribe' => $channel]);
    $consumer->current();
    return $consumer;
}

function hear(Consumer $consumer): string
{
    return $consumer->current()->payload;
}

/** Ends the connection without UNSUBSCRIBE. */
function stop(Consumer $consumer): void
{
    $consumer->stop(true);
}

function thing_channel(Client $redis): string
{
    $consumer = listen('news');
    $redis->publish('news', 'hello');
    $redis->publish('news', 'world');
    $heard = hear($consumer) . ', ' . hear($consumer);
    stop($consumer);
    return $heard;
}

function thing_name(Client $redis): string
{
    $seen = [];
    $billing = function (Consumer $consumer, int $enough) use (&$seen): void {
        while (count($seen) < $enough) {
            $seen[hear($consumer)] = true; // A message may come again: its id tells.
        }
        stop($consumer);
    };
    $first = listen('orders.eu', 'billing');
    foreach (['1', '2'] as $id) {
        $redis->publish('orders.eu', $id);
    }
    $billing($first, 2);
    $before = implode(' ', array_keys($seen));
    foreach (['3', '4'] as $id) {
        $redis->publish('orders.eu', $id);
    }
    $billing(listen('orders.eu', 'billing'), 4);
    return "$before, away, " . implode(' ', array_slice(array_keys($seen), 2));
}

function thing_group(Client $redis): string
{
    $members = [listen('$share/workers/jobs'), listen('$share/workers/jobs')];
    for ($i = 1; $i <= 6; $i++) {
        $redis->publish('jobs', (string) $i);
    }
    $heard = [];
    $counts = [0, 0];
    while (count($heard) < 6) {
        $ready = array_map(fn ($member) => $member->getClient()->getConnection()->getResource(), $members);
        $none = null;
        stream_select($ready, $none, $none, null);
        foreach (array_keys($ready) as $i) {
            $heard[] = hear($members[$i]);
            $counts[$i]++;
        }
    }
    array_map('stop', $members);
    sort($heard);
    return implode(' ', $heard) . ', by ' . (min($counts) > 0 ? 'both members' : 'one member');
}

function thing_schedule(Client $redis): string
{
    $consumer = listen('orders.later');
    $redis->publish('orders.later', 'later', 'IN', '500ms');
    $redis->publish('orders.later', 'now');
    $redis->publish('orders.later', 'once', 'ID', 'order-1');
    $redis->publish('orders.later', 'once', 'ID', 'order-1'); // Published already.
    $heard = [];
    while (!in_array('later', $heard, true)) {
        $heard[] = hear($consumer);
    }
    stop($consumer);
    return implode(', ', $heard);
}

function thing_queue(Client $redis): string
{
    $redis->rpush('queue', ['a', 'b', 'c']);
    $done = [];
    while ($job = $redis->executeRaw(['BLMOVE', 'queue', 'doing', 'LEFT', 'RIGHT', '0.1'])) {
        $done[] = $job;
        $redis->lrem('doing', 1, $job);
    }
    return implode(' ', $done) . ', then nothing, ' . $redis->llen('doing') . ' unfinished';
}

function thing_stream(Client $redis): string
{
    $redis->executeRaw(['XGROUP', 'CREATE', 'log', 'readers', '0', 'MKSTREAM']);
    foreach (['one', 'two'] as $text) {
        $redis->executeRaw(['XADD', 'log', '*', 'text', $text]);
    }
    $read = $redis->executeRaw(['XREADGROUP', 'GROUP', 'readers', 'ada', 'COUNT', 10, 'STREAMS', 'log', '>']);
    $entries = $read[0][1];
    $redis->executeRaw(['XACK', 'log', 'readers', $entries[0][0]]);
    $pending = $redis->executeRaw(['XPENDING', 'log', 'readers'])[0];
    return implode(' ', array_map(fn ($entry) => $entry[1][1], $entries)) . ", $pending pending";
}

function thing_transaction(Client $redis): string
{
    $other = new Client('tcp://' . getenv('RESPITE_ADDRESS'));
    $redis->set('balance', 10);
    $refused = 0;
    while (true) {
        $redis->watch('balance');
        $balance = (int) $redis->get('balance');
        if ($refused === 0) {
            $other->set('balance', 12);
        }
        $redis->multi();
        $redis->set('balance', $balance + 3);
        if ($redis->exec() !== null) {
            break;
        }
        $refused++;
    }
    return 'refused ' . ($refused === 1 ? 'once' : "$refused times") . ', then ' . $redis->get('balance');
}

function thing_script(Client $redis): string
{
    $text = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    $first = $redis->eval($text, 1, 'stock', 7);
    $second = $redis->evalsha($redis->script('LOAD', $text), 1, 'stock', 5);
    return "$first, then $second by its hash";
}

function thing_tls(): string
{
    [$host, $port] = explode(':', getenv('RESPITE_TLS_ADDRESS'));
    $ssl = ['cafile' => getenv('RESPITE_TLS_CA')];
    $client = new Client(['scheme' => 'tls', 'host' => $host, 'port' => $port, 'ssl' => $ssl]);
    $client->executeRaw(['AUTH', getenv('RESPITE_USER'), getenv('RESPITE_PASSWORD')]);
    $own = $client->set('app:1', 'x');
    try {
        $others = $client->set('other', 'x');
    } catch (ServerException $refused) {
        $others = $refused->getErrorType();
    }
    return "$own in its keys, $others outside";
}

function thing_failover(): string
{
    $channel = 'orders.' . getenv('RESPITE_TAG');
    $connect = function (): Client {
        $client = new Client(addresses('RESPITE_SENTINELS'), ['replication' => 'sentinel', 'service' => getenv('RESPITE_SHARD')]);
        $client->getConnection()->setRetryLimit(0);
        return $client;
    };
    $client = $connect();
    // Tries until the broker has done it. An id makes it one message, however often it is sent.
    $persist = function (string $command, ...$words) use (&$client, $connect): mixed {
        while (true) {
            try {
                return $client->$command(...$words);
            } catch (PredisException) {
                $client = $connect();
                usleep(20000);
            }
        }
    };
    $persist('set', key_of('ready'), 'failover');
    $sent = 0;
    for ($more = 10; $more > 0; $sent++) {
        $persist('publish', $channel, 'order', 'ID', (string) $sent);
        $more -= $persist('eval', "return redis.call('GET', KEYS[1])", 1, key_of('go')) === 'failover' ? 1 : 0;
    }
    $kept = $persist('eval', "return redis.call('XLEN', KEYS[1])", 1, 'channel:{' . $channel . '}');
    return $kept === $sent ? 'every message is kept once' : "$kept messages of $sent are kept";
}

function thing_slots(): string
{
    $cluster = new Client(addresses('RESPITE_NODES'), ['cluster' => 'redis']);
    $cluster->set(key_of('ready'), 'slots');
    $written = 0;
    while ($cluster->get(key_of('go')) !== 'slots') {
        $cluster->incr(key_of('count'));
        $written++;
    }
    $count = $cluster->incr(key_of('count')) - 1;
    return $count === $written ? 'every write is there' : "$count of $written writes are there";
}
