// The eleven things with rueidis, the other client of Go programs. THINGS names those to do.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

var (
	ctx     = context.Background()
	address = os.Getenv("RESPITE_ADDRESS")
	tag     = "{" + os.Getenv("RESPITE_TAG") + "}"
	client  rueidis.Client
)

func main() {
	client = must(rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}}))
	defer client.Close()
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

// connect makes a client with a connection of its own, so that its name is that of one subscriber.
func connect(name string) rueidis.Client {
	return must(rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}, ClientName: name}))
}

// listen subscribes, and returns when the server has confirmed it.
func listen(from rueidis.Client, channel string, heard chan<- string) func() {
	dedicated, cancel := from.Dedicate()
	confirmed := make(chan struct{})
	dedicated.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage:      func(message rueidis.PubSubMessage) { heard <- message.Message },
		OnSubscription: func(rueidis.PubSubSubscription) { close(confirmed) },
	})
	if err := dedicated.Do(ctx, dedicated.B().Subscribe().Channel(channel).Build()).Error(); err != nil {
		panic(err)
	}
	<-confirmed
	return cancel
}

func publish(channel string, messages ...string) {
	for _, message := range messages {
		must(client.Do(ctx, client.B().Publish().Channel(channel).Message(message).Build()).AsInt64())
	}
}

func channel() string {
	heard := make(chan string, 10)
	defer listen(client, "news", heard)()
	client.Do(ctx, client.B().Publish().Channel("news").Message("hello").Build())
	client.Do(ctx, client.B().Publish().Channel("news").Message("world").Build())
	return <-heard + ", " + <-heard
}

func name() string {
	seen := map[string]bool{}
	var heard []string
	billing := func(subscribed func(), enough int) {
		client := must(rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}, ClientName: "billing"}))
		ctx, cancel := context.WithCancel(rueidis.WithOnSubscriptionHook(ctx, func(rueidis.PubSubSubscription) { subscribed() }))
		// Receive returns when its connection ends: call it again, and it hears what it missed.
		client.Receive(ctx, client.B().Subscribe().Channel("orders.eu").Build(), func(message rueidis.PubSubMessage) {
			if id := message.Message; !seen[id] { // A message may come again: its id tells.
				seen[id] = true
				heard = append(heard, id)
			}
			if len(heard) >= enough {
				cancel()
			}
		})
		client.Close()
	}
	billing(func() { go publish("orders.eu", "1", "2") }, 2)
	before := strings.Join(heard, " ")
	publish("orders.eu", "3", "4")
	billing(func() {}, 4)
	return before + ", away, " + strings.Join(heard[2:], " ")
}

func group() string {
	heard := [2]chan string{make(chan string, 10), make(chan string, 10)}
	clients := [2]rueidis.Client{connect("one"), connect("two")}
	for i, own := range heard {
		defer listen(clients[i], "$share/workers/jobs", own)()
	}
	publish("jobs", "1", "2", "3", "4", "5", "6")
	var all []string
	counts := [2]int{}
	for len(all) < 6 {
		select {
		case message := <-heard[0]:
			all = append(all, message)
			counts[0]++
		case message := <-heard[1]:
			all = append(all, message)
			counts[1]++
		}
	}
	slices.Sort(all)
	by := "both members"
	if counts[0] == 0 || counts[1] == 0 {
		by = "one member"
	}
	return strings.Join(all, " ") + ", by " + by
}

func schedule() string {
	messages := make(chan string, 10)
	defer listen(client, "orders.later", messages)()
	ask := func(words ...string) rueidis.RedisResult {
		return client.Do(ctx, client.B().Arbitrary("PUBLISH").Keys("orders.later").Args(words...).Build())
	}
	ask("later", "IN", "500ms")
	ask("now")
	ask("once", "ID", "order-1")
	ask("once", "ID", "order-1") // Published already.
	var heard []string
	for message := range messages {
		heard = append(heard, message)
		if message == "later" {
			break
		}
	}
	return strings.Join(heard, ", ")
}

func queue() string {
	client.Do(ctx, client.B().Rpush().Key("queue").Element("a", "b", "c").Build())
	var done []string
	for {
		move := client.B().Blmove().Source("queue").Destination("doing").Left().Right().Timeout(0.1).Build()
		job, err := client.Do(ctx, move).ToString()
		if rueidis.IsRedisNil(err) {
			break
		}
		done = append(done, must(job, err))
		client.Do(ctx, client.B().Lrem().Key("doing").Count(1).Element(job).Build())
	}
	left := must(client.Do(ctx, client.B().Llen().Key("doing").Build()).AsInt64())
	return fmt.Sprintf("%s, then nothing, %d unfinished", strings.Join(done, " "), left)
}

func stream() string {
	client.Do(ctx, client.B().XgroupCreate().Key("log").Group("readers").Id("0").Mkstream().Build())
	for _, text := range []string{"one", "two"} {
		must(client.Do(ctx, client.B().Xadd().Key("log").Id("*").FieldValue().FieldValue("text", text).Build()).ToString())
	}
	read := must(client.Do(ctx, client.B().Xreadgroup().Group("readers", "ada").Count(10).Streams().Key("log").Id(">").Build()).AsXRead())
	entries := read["log"]
	client.Do(ctx, client.B().Xack().Key("log").Group("readers").Id(entries[0].ID).Build())
	pending := must(client.Do(ctx, client.B().Xpending().Key("log").Group("readers").Build()).ToArray())
	count := must(pending[0].AsInt64())
	return fmt.Sprintf("%s %s, %d pending", entries[0].FieldValues["text"], entries[1].FieldValues["text"], count)
}

func transaction() string {
	client.Do(ctx, client.B().Set().Key("balance").Value("10").Build())
	refused := 0
	for done := false; !done; {
		err := client.Dedicated(func(own rueidis.DedicatedClient) error {
			own.Do(ctx, own.B().Watch().Key("balance").Build())
			balance := must(own.Do(ctx, own.B().Get().Key("balance").Build()).AsInt64())
			if refused == 0 {
				client.Do(ctx, client.B().Set().Key("balance").Value("12").Build())
			}
			results := own.DoMulti(ctx,
				own.B().Multi().Build(),
				own.B().Set().Key("balance").Value(strconv.FormatInt(balance+3, 10)).Build(),
				own.B().Exec().Build())
			return results[2].Error()
		})
		if rueidis.IsRedisNil(err) {
			refused++
		} else {
			done = must(true, err)
		}
	}
	times := "once"
	if refused != 1 {
		times = strconv.Itoa(refused) + " times"
	}
	return "refused " + times + ", then " + must(client.Do(ctx, client.B().Get().Key("balance").Build()).ToString())
}

func script() string {
	text := "return redis.call('INCRBY', KEYS[1], ARGV[1])"
	first := must(client.Do(ctx, client.B().Eval().Script(text).Numkeys(1).Key("stock").Arg("7").Build()).AsInt64())
	hash := must(client.Do(ctx, client.B().ScriptLoad().Script(text).Build()).ToString())
	second := must(client.Do(ctx, client.B().Evalsha().Sha1(hash).Numkeys(1).Key("stock").Arg("5").Build()).AsInt64())
	return fmt.Sprintf("%d, then %d by its hash", first, second)
}

func overTLS() string {
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(must(os.ReadFile(os.Getenv("RESPITE_TLS_CA"))))
	client := must(rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{os.Getenv("RESPITE_TLS_ADDRESS")},
		Username:    os.Getenv("RESPITE_USER"),
		Password:    os.Getenv("RESPITE_PASSWORD"),
		TLSConfig:   &tls.Config{RootCAs: authorities},
	}))
	defer client.Close()
	own := must(client.Do(ctx, client.B().Set().Key("app:1").Value("x").Build()).ToString())
	others := "OK"
	if err := client.Do(ctx, client.B().Set().Key("other").Value("x").Build()).Error(); err != nil {
		others = strings.Fields(err.Error())[0]
	}
	return own + " in its keys, " + others + " outside"
}

func failover() string {
	channel := "orders." + os.Getenv("RESPITE_TAG")
	client := must(rueidis.NewClient(rueidis.ClientOption{
		InitAddress: strings.Split(os.Getenv("RESPITE_SENTINELS"), ","),
		Sentinel:    rueidis.SentinelOption{MasterSet: os.Getenv("RESPITE_SHARD")},
	}))
	defer client.Close()
	// Tries until the broker has the message. The id makes it one message, however often it is sent.
	publish := func(text, id string) {
		for client.Do(ctx, client.B().Arbitrary("PUBLISH").Keys(channel).Args(text, "ID", id).Build()).Error() != nil {
			time.Sleep(20 * time.Millisecond)
		}
	}
	must(client.Do(ctx, client.B().Set().Key(tag+"ready").Value("failover").Build()).ToString())
	sent := 0
	for more := 10; more > 0; sent++ {
		publish("order", strconv.Itoa(sent))
		if said, _ := client.Do(ctx, client.B().Get().Key(tag+"go").Build()).ToString(); said == "failover" {
			more--
		}
	}
	kept := must(client.Do(ctx, client.B().Xlen().Key("channel:{"+channel+"}").Build()).AsInt64())
	if int(kept) != sent {
		return fmt.Sprintf("%d messages of %d are kept", kept, sent)
	}
	return "every message is kept once"
}

func slots() string {
	cluster := must(rueidis.NewClient(rueidis.ClientOption{InitAddress: strings.Split(os.Getenv("RESPITE_NODES"), ",")}))
	defer cluster.Close()
	must(cluster.Do(ctx, cluster.B().Set().Key(tag+"ready").Value("slots").Build()).ToString())
	written := int64(0)
	for must(cluster.Do(ctx, cluster.B().Get().Key(tag+"go").Build()).ToString()) != "slots" {
		must(cluster.Do(ctx, cluster.B().Incr().Key(tag+"count").Build()).AsInt64())
		written++
	}
	count := must(cluster.Do(ctx, cluster.B().Incr().Key(tag+"count").Build()).AsInt64()) - 1
	if count != written {
		return fmt.Sprintf("%d of %d writes are there", count, written)
	}
	return "every write is there"
}
