import http from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { MetricsEndpoint } from '../../src/metrics/endpoint.ts'
import { Scrape } from '../../src/metrics/scrape.ts'
import { KnownQueues, QUEUES_MAX } from '../../src/monitoring/known-queues.ts'
import { createEngine, type TestEngine } from '../support/engine.ts'
import { eventually, RawConnection } from '../support/server.ts'

/** Makes a new scrape each time, however little time has passed. */
async function scrape({ engine }: TestEngine): Promise<Map<string, number>> {
  const once = new Scrape(engine)
  const text = await once.text()
  once.stop()
  return samplesOf(text)
}

/** `name{labels}` → value. */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const match = /^([a-z_0-9]+(?:\{.*\})?) (\S+)$/.exec(line)
    if (match !== null) samples.set(match[1]!, Number(match[2]))
  }
  return samples
}

describe('a scrape', () => {
  test('is text in Prometheus format, each metric with its help and type', async () => {
    const once = new Scrape(createEngine().engine)
    onTestFinished(() => once.stop())
    const text = await once.text()
    const families = new Map<string, string>()
    for (const block of text.trim().split('\n\n')) {
      const [help, type, ...lines] = block.split('\n')
      const name = /^# HELP (\S+) .+\.$/.exec(help!)?.[1]
      expect(name, help).toBeDefined()
      expect(type).toMatch(new RegExp(`^# TYPE ${name} (counter|gauge|histogram|summary)$`))
      for (const line of lines)
        expect(line).toMatch(new RegExp(`^${name}(_bucket|_sum|_count)?(\\{.*\\})? -?[\\d.e+-]+$`))
      expect(families.has(name!), name).toBe(false)
      families.set(name!, type!)
    }
    expect(families.size).toBeGreaterThan(80)
    for (const [name, type] of families) expect(/_total$/.test(name), name).toBe(/ counter$/.test(type))
  })

  test("shows INFO's figures under redis_exporter's names", async () => {
    const test = createEngine({ maxmemory: '1gb' })
    const client = test.connect()
    client.ask('SET', 'a', '1')
    client.ask('GET', 'a')
    client.ask('GET', 'missing')
    client.ask('SELECT', '3')
    client.ask('SET', 'b', '1', 'EX', '100')
    client.ask('LPUSH', 'b', '1')
    client.ask('LPUSH')
    test.connect().ask('BLPOP', 'queue', '0')
    const samples = await scrape(test)
    expect(samples.get('redis_up')).toBe(1)
    expect(samples.get('redis_connected_clients')).toBe(2)
    expect(samples.get('redis_blocked_clients')).toBe(1)
    expect(samples.get('redis_keyspace_hits_total')).toBe(1)
    expect(samples.get('redis_keyspace_misses_total')).toBe(1)
    expect(samples.get('redis_memory_max_bytes')).toBe(1024 ** 3)
    expect(samples.get('redis_memory_used_bytes')).toBeGreaterThan(0)
    expect(samples.get('redis_commands_total{cmd="set"}')).toBe(2)
    expect(samples.get('redis_commands_duration_seconds_total{cmd="set"}')).toBeDefined()
    // The clock stands still: each call took less than a microsecond. The histogram is that of
    // LATENCY HISTOGRAM.
    expect(samples.get('redis_commands_latencies_usec_bucket{cmd="set",le="1"}')).toBe(2)
    expect(samples.get('redis_commands_latencies_usec_bucket{cmd="set",le="+Inf"}')).toBe(2)
    expect(samples.get('redis_commands_latencies_usec_count{cmd="set"}')).toBe(2)
    expect(samples.get('redis_commands_latencies_usec_sum{cmd="set"}')).toBe(0)
    expect(samples.get('redis_commands_failed_calls_total{cmd="lpush"}')).toBe(1)
    expect(samples.get('redis_commands_rejected_calls_total{cmd="lpush"}')).toBe(1)
    expect(samples.get('redis_errors_total{err="WRONGTYPE"}')).toBe(1)
    expect(samples.get('redis_db_keys{db="db0"}')).toBe(1)
    expect(samples.get('redis_db_keys{db="db3"}')).toBe(1)
    expect(samples.get('redis_db_keys_expiring{db="db3"}')).toBe(1)
    expect(samples.get('redis_db_avg_ttl_seconds{db="db3"}')).toBe(100)
    expect(samples.get('redis_db_keys{db="db15"}')).toBe(0)
    expect([...samples.keys()].filter((name) => /="(incr|zadd)"/.test(name))).toEqual([])
  })

  test('counts messages, and their deliveries', async () => {
    const test = createEngine()
    test.connect().ask('SUBSCRIBE', 'news')
    test.connect().ask('PSUBSCRIBE', 'n*')
    const publisher = test.connect()
    publisher.ask('PUBLISH', 'news', 'hello')
    publisher.ask('PUBLISH', 'nobody listens', 'hello')
    publisher.ask('PUBLISH', 'elsewhere', 'hello')
    const samples = await scrape(test)
    expect(samples.get('respite_pubsub_messages_published_total')).toBe(3)
    expect(samples.get('respite_pubsub_messages_delivered_total')).toBe(3)
    expect(samples.get('redis_pubsub_channels')).toBe(1)
    expect(samples.get('redis_pubsub_patterns')).toBe(1)
    publisher.ask('CONFIG', 'RESETSTAT')
    expect((await scrape(test)).get('respite_pubsub_messages_published_total')).toBe(0)
  })

  test('counts syncs by how long they took', async () => {
    const test = createEngine()
    for (const seconds of [0.0002, 0.003, 0.003, 20]) test.engine.figures.stats.syncs.note(seconds)
    const samples = await scrape(test)
    const bucket = (le: string) => samples.get(`respite_aof_fsync_duration_seconds_bucket{le="${le}"}`)
    expect([bucket('0.0001'), bucket('0.00025'), bucket('0.005'), bucket('10'), bucket('+Inf')]).toEqual([
      0, 1, 3, 3, 4,
    ])
    expect(samples.get('respite_aof_fsync_duration_seconds_count')).toBe(4)
    expect(samples.get('respite_aof_fsync_duration_seconds_sum')).toBeCloseTo(20.0062)
  })

  test('does not list error codes that scripts make up', async () => {
    const test = createEngine()
    test.engine.figures.stats.errors.set('x"\n'.repeat(1000), 2)
    test.engine.figures.stats.errors.set('A'.repeat(33), 1)
    test.engine.figures.stats.errors.set('ERR', 1)
    const names = [...(await scrape(test))].filter(([name]) => name.startsWith('redis_errors_total'))
    expect(names).toEqual([
      ['redis_errors_total{err="ERR"}', 1],
      ['redis_errors_total{err="OTHER"}', 3],
    ])
  })

  test('changes nothing: no key expires, no hit is counted', async () => {
    const test = createEngine({ 'metrics-queues': 'a', 'active-expire-enabled': 'no' })
    const client = test.connect()
    client.ask('RPUSH', 'a', '1')
    client.ask('PEXPIRE', 'a', '10')
    test.clock.advance(11)
    test.journal.lines = []
    const samples = await scrape(test)
    expect(samples.get('redis_key_size{db="db0",key="a"}')).toBe(0)
    expect(test.engine.databases[0]!.size).toBe(1)
    expect(test.journal.lines).toEqual([])
    expect(test.engine.data.dataset.use.hits + test.engine.data.dataset.use.misses).toBe(0)
  })

  test('is reused for requests within a short time', async () => {
    const { engine } = createEngine()
    const shared = new Scrape(engine)
    onTestFinished(() => shared.stop())
    const first = shared.text()
    expect(shared.text()).toBe(first)
    await first
    expect(shared.text()).toBe(first)
  })
})

describe('lengths of queues', () => {
  test('are shown for keys that metrics-queues names, whatever their type, in every database', async () => {
    const test = createEngine({ 'metrics-queues': 'mail jobs:* s' })
    const client = test.connect()
    client.ask('RPUSH', 'jobs:a', '1', '2')
    client.ask('ZADD', 'jobs:z', '1', 'x')
    client.ask('XADD', 's', '*', 'f', 'v')
    client.ask('SET', 'jobs:text', 'not a queue')
    client.ask('RPUSH', 'other', '1')
    client.ask('SELECT', '2')
    client.ask('RPUSH', 'jobs:a', '1', '2', '3')
    const sizes = [...(await scrape(test))].filter(([name]) => name.startsWith('redis_key_size'))
    expect(new Map(sizes)).toEqual(
      new Map([
        ['redis_key_size{db="db0",key="mail"}', 0],
        ['redis_key_size{db="db0",key="s"}', 1],
        ['redis_key_size{db="db0",key="jobs:a"}', 2],
        ['redis_key_size{db="db0",key="jobs:z"}', 1],
        ['redis_key_size{db="db2",key="jobs:a"}', 3],
      ]),
    )
  })

  test("of BullMQ are found by the queue's meta key, and shown by state with BullMQ's names", async () => {
    const test = createEngine()
    const client = test.connect()
    client.ask('HSET', 'bull:mail:meta', 'opts.maxLenEvents', '10000', 'version', 'bullmq:6.7.0')
    client.ask('RPUSH', 'bull:mail:wait', '1', '2')
    client.ask('ZADD', 'bull:mail:failed', '1', '3')
    client.ask('HSET', 'user:meta', 'name', 'x')
    const jobs = [...(await scrape(test))].filter(([name]) => name.startsWith('bullmq_job_count'))
    expect(jobs).toHaveLength(8)
    const of = (state: string) =>
      new Map(jobs).get(`bullmq_job_count{db="db0",prefix="bull",queue="mail",state="${state}"}`)
    expect([of('waiting'), of('failed'), of('active'), of('completed')]).toEqual([2, 1, 0, 0])
  })

  test('are bounded in number: queues that are gone make room for others', async () => {
    const test = createEngine({ 'metrics-queues': '*' })
    const client = test.connect()
    const once = new Scrape(test.engine)
    onTestFinished(() => once.stop())
    for (let i = 0; i < QUEUES_MAX + 10; i++) client.ask('RPUSH', `q${i}`, 'x')
    const first = samplesOf(await once.text())
    expect([...first.keys()].filter((name) => name.startsWith('redis_key_size'))).toHaveLength(QUEUES_MAX)
    client.ask('DEL', 'q0')
    const again = await scrape(test)
    expect(again.get('redis_key_size{db="db0",key="q0"}')).toBeUndefined()
  })

  test('are found in stretches of the keyspace, until all of it was seen', async () => {
    const test = createEngine({ 'metrics-queues': 'the-last*', 'enable-debug-command': 'yes' })
    const client = test.connect()
    client.ask('DEBUG', 'POPULATE', '25000')
    client.ask('RPUSH', 'the-last-one', 'x')
    const known = new KnownQueues(test.engine)
    const seen: number[] = []
    known.look()
    for (let i = 0; i < 8; i++) {
      seen.push([...known.keys].length)
      test.clock.advance(50)
    }
    expect(seen).toEqual([0, 0, 0, 0, 0, 1, 1, 1])
    // At the end of the walk its timer stops.
    client.ask('RPUSH', 'the-last-two', 'x')
    test.clock.advance(1000)
    expect([...known.keys]).toHaveLength(1)
  })
})

describe('the HTTP port', () => {
  interface Answer {
    status: number
    text: string
    headers: http.IncomingHttpHeaders
  }

  async function open(test: TestEngine): Promise<MetricsEndpoint> {
    const endpoint = await MetricsEndpoint.open(test.engine, { host: '127.0.0.1', port: 0 })
    onTestFinished(() => endpoint.close())
    return endpoint
  }

  function ask({ port }: MetricsEndpoint, path: string, method = 'GET'): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode!, text, headers: response.headers }))
      })
      request.on('error', reject)
      request.end()
    })
  }

  test('answers /metrics, /healthz and /readyz, and nothing else', async () => {
    const endpoint = await open(createEngine())
    const metrics = await ask(endpoint, '/metrics?x=1')
    expect(metrics.status).toBe(200)
    expect(metrics.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(metrics.text).toContain('\nredis_up 1\n')
    expect(await ask(endpoint, '/healthz')).toMatchObject({ status: 200, text: 'ok\n' })
    expect(await ask(endpoint, '/readyz')).toMatchObject({ status: 200, text: 'ok\n' })
    expect((await ask(endpoint, '/')).status).toBe(404)
    const post = await ask(endpoint, '/metrics', 'POST')
    expect(post.status).toBe(405)
    expect(post.headers).toMatchObject({ allow: 'GET', connection: 'close' })
  })

  test('/readyz tells why clients should not be sent here: loading, the disk, a stop', async () => {
    const test = createEngine()
    const endpoint = await open(test)
    const {
      loading,
      refusals: { journalFailed, saveFailed },
    } = test.engine.conditions.state
    for (const [condition, text] of [
      [loading, 'the data is being loaded\n'],
      [journalFailed, 'the append-only file cannot be written\n'],
      [saveFailed, 'the last snapshot failed, and writes are refused until one succeeds\n'],
    ] as const) {
      condition.begin()
      expect(await ask(endpoint, '/readyz')).toMatchObject({ status: 503, text })
      condition.end()
    }
    expect((await ask(endpoint, '/readyz')).status).toBe(200)
    endpoint.isStopping = true
    expect(await ask(endpoint, '/readyz')).toMatchObject({ status: 503, text: 'the server is stopping\n' })
    expect((await ask(endpoint, '/healthz')).status).toBe(200)
  })

  test('refuses endless headers and bytes that are not HTTP', async () => {
    const { port } = await open(createEngine())
    const long = await RawConnection.open(port)
    long.send(`GET /metrics HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(10_000)}\r\n\r\n`)
    expect(await long.rest()).toMatch(/^HTTP\/1.1 431 /)
    const strange = await RawConnection.open(port)
    strange.send('*1\r\n$4\r\nPING\r\n')
    expect(await strange.rest()).toMatch(/^HTTP\/1.1 400 /)
  })

  test('closes the oldest idle connection for one beyond its bound, which is answered at once', async () => {
    const endpoint = await open(createEngine())
    const all: RawConnection[] = []
    for (let i = 0; i < 64; i++) {
      const slow = await RawConnection.open(endpoint.port)
      slow.send('GET /metrics HTTP/1.1\r\nhost: 127')
      all.push(slow)
    }
    for (let i = 0; i < 3; i++) expect(await ask(endpoint, '/healthz')).toMatchObject({ status: 200 })
    await eventually(() => all.some(({ closed, ended }) => closed || ended))
    const gone = all.filter(({ closed, ended }) => closed || ended)
    expect(gone).toEqual(all.slice(0, gone.length))
    expect(gone.length).toBeLessThan(4)
    expect(gone[0]!.received).toBe('')
  })

  test('at a loopback address requires an address or localhost as host; elsewhere any name', async () => {
    const status = async ({ port }: MetricsEndpoint, host: string): Promise<string> => {
      const connection = await RawConnection.open(port)
      connection.send(`GET /healthz HTTP/1.1\r\n${host}connection: close\r\n\r\n`)
      return (await connection.rest()).slice(0, 'HTTP/1.1 200'.length)
    }
    const local = await open(createEngine())
    for (const host of ['127.0.0.1', '127.0.0.1:9121', '[::1]:9121', 'localhost', 'LocalHost:9121']) {
      expect(await status(local, `Host: ${host}\r\n`), host).toBe('HTTP/1.1 200')
    }
    for (const host of [
      'rebound.example',
      'rebound.example:9121',
      '127.0.0.1.rebound.example',
      'localhost.example',
      '',
    ]) {
      expect(await status(local, `Host: ${host}\r\n`), host).toBe('HTTP/1.1 403')
    }
    const test = createEngine()
    const everywhere = await MetricsEndpoint.open(test.engine, { host: '0.0.0.0', port: 0 })
    onTestFinished(() => everywhere.close())
    expect(await status(everywhere, 'Host: broker.example:9121\r\n')).toBe('HTTP/1.1 200')
  })

  test('reports an address that cannot be bound', async () => {
    const test = createEngine()
    const { port } = await open(test)
    await expect(MetricsEndpoint.open(test.engine, { host: '127.0.0.1', port })).rejects.toThrow('EADDRINUSE')
  })
})
