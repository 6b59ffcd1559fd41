# The eleven things with redis-rb. THINGS names those to do.

require 'redis'

ADDRESS = ENV.fetch('RESPITE_ADDRESS')
TAG = "{#{ENV.fetch('RESPITE_TAG')}}"

# docs: connect
REDIS = Redis.new(url: "redis://#{ADDRESS}")
# docs: end
REDIS.ping

def places(variable)
  ENV.fetch(variable).split(',').map { |address| address.split(':') }.map { |host, port| { host: host, port: port.to_i } }
end

# Subscribes in a thread of its own; returns when the server has confirmed it. Messages come in a queue.
def listen(channel, name = nil)
  heard = Queue.new
  confirmed = Queue.new
  client = Redis.new(url: "redis://#{ADDRESS}", id: name)
  thread = Thread.new do
    client.call(['CLIENT', 'SETNAME', name]) if name
    client.subscribe(channel) do |on|
      on.subscribe { confirmed << true }
      on.message { |_, message| heard << message }
    end
  end
  confirmed.pop
  [heard, -> { thread.kill; client.disconnect! }]
end

def channel
  heard, stop = listen('news')
  # docs: publish
  REDIS.publish('news', 'hello')
  REDIS.publish('news', 'world')
  # docs: end
  text = [heard.pop, heard.pop].join(', ')
  stop.call
  text
end

def name
  seen = {}
  billing = lambda do |subscribed, enough|
    # docs: name
    client = Redis.new(url: "redis://#{ADDRESS}")
    client.call(%w[CLIENT SETNAME billing])
    client.subscribe('orders.eu') do |on|
      on.subscribe { subscribed << true }
      on.message do |_, id|
        seen[id] = true # A message may come again: its id tells.
        return_if_enough(seen, enough)
      end
    end
    # docs: end
  rescue Enough
    client.disconnect!
  end
  subscribed = Queue.new
  first = Thread.new { billing.call(subscribed, 2) }
  subscribed.pop
  %w[1 2].each { |id| REDIS.publish('orders.eu', id) }
  first.join
  before = seen.keys.join(' ')
  %w[3 4].each { |id| REDIS.publish('orders.eu', id) }
  billing.call(subscribed, 4)
  "#{before}, away, #{seen.keys.drop(2).join(' ')}"
end

# Ends a subscription without UNSUBSCRIBE, as a crash does.
class Enough < StandardError; end

def return_if_enough(seen, enough)
  raise Enough if seen.size >= enough
end

def group
  members = Array.new(2) { listen('$share/workers/jobs') }
  (1..6).each { |i| REDIS.publish('jobs', i) }
  sleep 0.005 until members.sum { |heard, _| heard.size } >= 6
  all = members.map { |heard, _| Array.new(heard.size) { heard.pop } }
  members.each { |_, stop| stop.call }
  by = all.none?(&:empty?) ? 'both members' : 'one member'
  "#{all.flatten.sort.join(' ')}, by #{by}"
end

def schedule
  messages, stop = listen('orders.later')
  REDIS.call(%w[PUBLISH orders.later later IN 500ms])
  REDIS.publish('orders.later', 'now')
  REDIS.call(%w[PUBLISH orders.later once ID order-1])
  REDIS.call(%w[PUBLISH orders.later once ID order-1]) # Published already.
  heard = []
  heard << messages.pop until heard.include?('later')
  stop.call
  heard.join(', ')
end

def queue
  REDIS.rpush('queue', %w[a b c])
  done = []
  while (job = REDIS.blmove('queue', 'doing', 'LEFT', 'RIGHT', timeout: 0.1))
    done << job
    REDIS.lrem('doing', 1, job)
  end
  "#{done.join(' ')}, then nothing, #{REDIS.llen('doing')} unfinished"
end

def stream
  REDIS.xgroup(:create, 'log', 'readers', '0', mkstream: true)
  %w[one two].each { |text| REDIS.xadd('log', { text: text }) }
  entries = REDIS.xreadgroup('readers', 'ada', 'log', '>', count: 10)['log']
  REDIS.xack('log', 'readers', entries[0][0])
  "#{entries.map { |_, fields| fields['text'] }.join(' ')}, #{REDIS.xpending('log', 'readers')['size']} pending"
end

def transaction
  other = Redis.new(url: "redis://#{ADDRESS}")
  REDIS.set('balance', 10)
  refused = 0
  loop do
    done = REDIS.watch('balance') do
      balance = REDIS.get('balance').to_i
      other.set('balance', 12) if refused.zero?
      REDIS.multi { |multi| multi.set('balance', balance + 3) }
    end
    break if done

    refused += 1
  end
  other.close
  "refused #{refused == 1 ? 'once' : "#{refused} times"}, then #{REDIS.get('balance')}"
end

def script
  text = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
  first = REDIS.eval(text, ['stock'], [7])
  second = REDIS.evalsha(REDIS.script(:load, text), ['stock'], [5])
  "#{first}, then #{second} by its hash"
end

def tls
  client = Redis.new(
    url: "rediss://#{ENV.fetch('RESPITE_TLS_ADDRESS')}",
    username: ENV.fetch('RESPITE_USER'),
    password: ENV.fetch('RESPITE_PASSWORD'),
    ssl_params: { ca_file: ENV.fetch('RESPITE_TLS_CA') }
  )
  own = client.set('app:1', 'x')
  others = begin
    client.set('other', 'x')
  rescue Redis::CommandError => e
    e.message.split.first
  end
  "#{own} in its keys, #{others} outside"
end

def failover
  channel = "orders.#{ENV.fetch('RESPITE_TAG')}"
  # docs: failover
  client = Redis.new(host: ENV.fetch('RESPITE_SHARD'), sentinels: places('RESPITE_SENTINELS'), role: :master)
  persist = lambda do |*command|
    client.call(command)
  rescue Redis::BaseError
    sleep 0.02 # There is no leader yet.
    retry
  end
  publish = ->(text, id) { persist.call('PUBLISH', channel, text, 'ID', id) }
  # docs: end
  persist.call('SET', "#{TAG}ready", 'failover')
  sent = 0
  more = 10
  while more.positive?
    publish.call('order', sent)
    sent += 1
    more -= 1 if persist.call('GET', "#{TAG}go") == 'failover'
  end
  kept = client.xlen("channel:{#{channel}}")
  kept == sent ? 'every message is kept once' : "#{kept} messages of #{sent} are kept"
end

def slots
  cluster = Redis.new(cluster: places('RESPITE_NODES'))
  cluster.set("#{TAG}ready", 'slots')
  written = 0
  while cluster.get("#{TAG}go") != 'slots'
    cluster.incr("#{TAG}count")
    written += 1
  end
  count = cluster.incr("#{TAG}count") - 1
  count == written ? 'every write is there' : "#{count} of #{written} writes are there"
end

ENV.fetch('THINGS').split(',').each { |thing| puts "#{thing}: #{send(thing)}" }
