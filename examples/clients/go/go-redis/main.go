// The eleven things with go-redis, the client of most Go programs. THINGS names those to do.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	ctx     = context.Background()
	address = os.Getenv("RESPITE_ADDRESS")
	tag     = "{" + os.Getenv("RESPITE_TAG") + "}"
	rdb     *redis.Client
)

func main() {
	// docs: connect
	rdb = redis.NewClient(&redis.Options{Addr: address})
	defer rdb.Close()
	// docs: end
	must(rdb.Ping(ctx).Result())
	things := map[string]func() string{
		"channel": channel, "name": name, "group": group, "schedule": schedule, "queue": queue, "stream": stream,
		"transaction": transaction, "script": script, "tls": overTLS, "failover": failover, "slots": slots,
	}
	for _, thing := range strings.Split(os.Getenv("THINGS"), ",") {
		fmt.Printf("%s: %s\n", thing, things[thing]())
	}
}

// must returns a value, or ends the program.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// listen subscribes, and returns when the server has confirmed it.
func listen(client *redis.Client, channel string) *redis.PubSub {
	subscriber := client.Subscribe(ctx, channel)
	must(subscriber.Receive(ctx))
	return subscriber
}

func publish(channel string, messages ...string) {
	for _, message := range messages {
		must(rdb.Publish(ctx, channel, message).Result())
	}
}

func channel() string {
	subscriber := listen(rdb, "news")
	defer subscriber.Close()
	// docs: publish
	rdb.Publish(ctx, "news", "hello")
	rdb.Publish(ctx, "news", "world")
	// docs: end
	messages := subscriber.Channel()
	return (<-messages).Payload + ", " + (<-messages).Payload
}

func name() string {
	var seen []string
	billing := func(enough int) {
		// docs: name
		client := redis.NewClient(&redis.Options{Addr: address, ClientName: "billing"})
		defer client.Close()
		subscriber := client.Subscribe(ctx, "orders.eu")
		for len(seen) < enough {
			message := must(subscriber.ReceiveMessage(ctx)) // Connects again by itself.
			if id := message.Payload; !slices.Contains(seen, id) {
				seen = append(seen, id) // A message may come again: its id tells.
			}
		}
		// docs: end
		subscriber.Close()
	}
	// The name is known once it has subscribed.
	early := redis.NewClient(&redis.Options{Addr: address, ClientName: "billing"})
	listen(early, "orders.eu")
	early.Close()
	publish("orders.eu", "1", "2")
	billing(2)
	before := strings.Join(seen, " ")
	publish("orders.eu", "3", "4")
	billing(4)
	return before + ", away, " + strings.Join(seen[2:], " ")
}

func group() string {
	members := [2]*redis.PubSub{listen(rdb, "$share/workers/jobs"), listen(rdb, "$share/workers/jobs")}
	publish("jobs", "1", "2", "3", "4", "5", "6")
	var heard []string
	counts := [2]int{}
	for len(heard) < 6 {
		select {
		case message := <-members[0].Channel():
			heard = append(heard, message.Payload)
			counts[0]++
		case message := <-members[1].Channel():
			heard = append(heard, message.Payload)
			counts[1]++
		}
	}
	members[0].Close()
	members[1].Close()
	slices.Sort(heard)
	by := "both members"
	if counts[0] == 0 || counts[1] == 0 {
		by = "one member"
	}
	return strings.Join(heard, " ") + ", by " + by
}

func schedule() string {
	subscriber := listen(rdb, "orders.later")
	defer subscriber.Close()
	rdb.Do(ctx, "PUBLISH", "orders.later", "later", "IN", "500ms")
	rdb.Publish(ctx, "orders.later", "now")
	rdb.Do(ctx, "PUBLISH", "orders.later", "once", "ID", "order-1")
	rdb.Do(ctx, "PUBLISH", "orders.later", "once", "ID", "order-1") // Published already.
	var heard []string
	for message := range subscriber.Channel() {
		heard = append(heard, message.Payload)
		if message.Payload == "later" {
			break
		}
	}
	return strings.Join(heard, ", ")
}

func queue() string {
	rdb.RPush(ctx, "queue", "a", "b", "c")
	var done []string
	for {
		// A whole second is the shortest time that go-redis sends.
		job, err := rdb.BLMove(ctx, "queue", "doing", "LEFT", "RIGHT", time.Second).Result()
		if err == redis.Nil {
			break
		}
		done = append(done, must(job, err))
		rdb.LRem(ctx, "doing", 1, job)
	}
	return fmt.Sprintf("%s, then nothing, %d unfinished", strings.Join(done, " "), rdb.LLen(ctx, "doing").Val())
}

func stream() string {
	must(rdb.XGroupCreateMkStream(ctx, "log", "readers", "0").Result())
	for _, text := range []string{"one", "two"} {
		must(rdb.XAdd(ctx, &redis.XAddArgs{Stream: "log", Values: []string{"text", text}}).Result())
	}
	read := must(rdb.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: "readers", Consumer: "ada", Streams: []string{"log", ">"}, Count: 10,
	}).Result())
	entries := read[0].Messages
	rdb.XAck(ctx, "log", "readers", entries[0].ID)
	pending := must(rdb.XPending(ctx, "log", "readers").Result())
	return fmt.Sprintf("%s %s, %d pending", entries[0].Values["text"], entries[1].Values["text"], pending.Count)
}

func transaction() string {
	rdb.Set(ctx, "balance", 10, 0)
	refused := 0
	for {
		err := rdb.Watch(ctx, func(tx *redis.Tx) error {
			balance := must(tx.Get(ctx, "balance").Int())
			if refused == 0 {
				rdb.Set(ctx, "balance", 12, 0)
			}
			_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
				pipe.Set(ctx, "balance", balance+3, 0)
				return nil
			})
			return err
		}, "balance")
		if err == nil {
			break
		}
		if !errors.Is(err, redis.TxFailedErr) {
			panic(err)
		}
		refused++
	}
	times := "once"
	if refused != 1 {
		times = strconv.Itoa(refused) + " times"
	}
	return "refused " + times + ", then " + rdb.Get(ctx, "balance").Val()
}

func script() string {
	text := "return redis.call('INCRBY', KEYS[1], ARGV[1])"
	first := must(rdb.Eval(ctx, text, []string{"stock"}, 7).Int())
	second := must(rdb.EvalSha(ctx, must(rdb.ScriptLoad(ctx, text).Result()), []string{"stock"}, 5).Int())
	return fmt.Sprintf("%d, then %d by its hash", first, second)
}

func overTLS() string {
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(must(os.ReadFile(os.Getenv("RESPITE_TLS_CA"))))
	client := redis.NewClient(&redis.Options{
		Addr:      os.Getenv("RESPITE_TLS_ADDRESS"),
		Username:  os.Getenv("RESPITE_USER"),
		Password:  os.Getenv("RESPITE_PASSWORD"),
		TLSConfig: &tls.Config{RootCAs: authorities},
	})
	defer client.Close()
	own := must(client.Set(ctx, "app:1", "x", 0).Result())
	others := "OK"
	if err := client.Set(ctx, "other", "x", 0).Err(); err != nil {
		others = strings.Fields(err.Error())[0]
	}
	return own + " in its keys, " + others + " outside"
}

func failover() string {
	channel := "orders." + os.Getenv("RESPITE_TAG")
	// docs: failover
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName:    os.Getenv("RESPITE_SHARD"),
		SentinelAddrs: strings.Split(os.Getenv("RESPITE_SENTINELS"), ","),
	})
	defer client.Close()
	publish := func(text, id string) {
		for client.Do(ctx, "PUBLISH", channel, text, "ID", id).Err() != nil {
			time.Sleep(20 * time.Millisecond) // There is no leader yet.
		}
	}
	// docs: end
	must(client.Set(ctx, tag+"ready", "failover", 0).Result())
	sent := 0
	for more := 10; more > 0; sent++ {
		publish("order", strconv.Itoa(sent))
		if client.Get(ctx, tag+"go").Val() == "failover" {
			more--
		}
	}
	kept := must(client.XLen(ctx, "channel:{"+channel+"}").Result())
	if int(kept) != sent {
		return fmt.Sprintf("%d messages of %d are kept", kept, sent)
	}
	return "every message is kept once"
}

func slots() string {
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: strings.Split(os.Getenv("RESPITE_NODES"), ",")})
	defer cluster.Close()
	must(cluster.Set(ctx, tag+"ready", "slots", 0).Result())
	written := int64(0)
	for must(cluster.Get(ctx, tag+"go").Result()) != "slots" {
		must(cluster.Incr(ctx, tag+"count").Result())
		written++
	}
	count := must(cluster.Incr(ctx, tag+"count").Result()) - 1
	if count != written {
		return fmt.Sprintf("%d of %d writes are there", count, written)
	}
	return "every write is there"
}
