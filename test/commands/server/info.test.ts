import { describe, expect, test } from 'vitest'
import { REDIS_VERSION, RESPITE_VERSION } from '../../../src/config/version.ts'
import { Bytes } from '../../../src/util/bytes/bytes.ts'
import { useBoth } from '../../scripting/use-both.ts'
import { createEngine, type TestClient } from '../../support/engine.ts'
import { start } from '../../support/journal.ts'
import { MemoryDisk } from '../../support/memory-disk.ts'
import { redisServerDiffers, redisServerMissing } from '../../support/redis-server.ts'

/** Fields of Redis 7.2 that mean nothing here. */
const WITHOUT_MEANING: Record<string, string> = {
  'atomicvar_api gcc_version': 'there is no C',
  expire_cycle_cpu_milliseconds: 'what is due is known: there is no cycle that looks for it',
  'reply_buffer_shrinks reply_buffer_expands': 'clients share their reply buffers',
  'used_cpu_sys_main_thread used_cpu_user_main_thread': 'the runtime does not tell threads apart',
}
const OF_OUR_OWN = [
  'respite_version',
  'node_version',
  'respite_snapshot_longest_slice_usec',
  'client_output_buffer_limit_disconnections',
  'kept_channels',
  'kept_messages',
  'kept_bytes',
  'remembered_subscribers',
  'shared_names',
  'resumed_positions',
  'readers_behind',
  'messages_missed',
]

/** Headings and names of fields, in order; without those that are there for each command that was used. */
function skeleton(text: string): string[] {
  const names = text.split('\r\n').flatMap((line) => /^(# \w+|[\w|.-]+(?=:))/.exec(line)?.[1] ?? [])
  return names.filter((name) => !/^(cmdstat|errorstat|latency_percentiles_usec)_/.test(name))
}

function headings(text: string): string[] {
  return [...text.matchAll(/^# (\w+)\r$/gm)].map(([, heading]) => heading!)
}

function field(client: TestClient, name: string): string | undefined {
  return new RegExp(`^${name}:(.*)\\r$`, 'm').exec(client.ask('INFO', 'everything'))?.[1]
}

describe.skipIf(redisServerMissing())('INFO beside redis-server', () => {
  const both = useBoth()

  test.skipIf(redisServerDiffers('has fewer fields'))(
    'has the same fields in the same order, but for those that mean nothing here',
    async () => {
      await both.begin(2)
      await both.ask(['SET', 'k', 'v', 'EX', '100'])
      const { ours, theirs } = await both.ask(['INFO', 'everything'])
      const without = Object.keys(WITHOUT_MEANING).join(' ').split(' ')
      const fields = skeleton(theirs)
      // A server in a process of its own has sockets.
      const own = skeleton(ours).filter((name) => !OF_OUR_OWN.includes(name))
      expect(own).toEqual(fields.filter((name) => !without.includes(name) && name !== 'listener1'))
      expect(without.filter((name) => !fields.includes(name))).toEqual([])
    },
  )
})

describe('INFO', () => {
  test('is text for people', () => {
    const { connect } = createEngine()
    expect(connect(2).ask('INFO', 'cluster')).toBe('$30\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n')
    expect(connect(3).ask('INFO', 'cluster')).toBe('=34\r\ntxt:# Cluster\r\ncluster_enabled:0\r\n\r\n')
  })

  test('has the sections that were asked for, in its own order, each once', () => {
    const client = createEngine().connect()
    expect(headings(client.ask('INFO'))).toEqual(
      'Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace'.split(' '),
    )
    const fields = (info: string): string => info.replace(/:.*/g, '').replace(/^.*\r\n/, '')
    expect(fields(client.ask('INFO', 'default'))).toBe(fields(client.ask('INFO')))
    for (const all of ['all', 'EVERYTHING']) {
      expect(headings(client.ask('INFO', all))).toEqual(
        'Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats Latencystats Cluster Keyspace'.split(
          ' ',
        ),
      )
    }
    expect(headings(client.ask('INFO', 'keyspace', 'Server', 'keyspace', 'nosuch'))).toEqual(['Server', 'Keyspace'])
  })

  test('is empty for sections that do not exist', () => {
    expect(createEngine().connect().ask('INFO', 'nosuch')).toBe('$0\r\n\r\n')
  })

  test('separates sections by an empty line', () => {
    expect(createEngine().connect().ask('INFO', 'modules', 'cluster')).toBe(
      '$43\r\n# Modules\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n',
    )
  })

  test('has a line of the form field:value for everything but headings', () => {
    const client = createEngine().connect()
    client.ask('SET', 'a', 'b')
    client.ask('NOSUCH')
    const lines = client.ask('INFO', 'all').split('\r\n').slice(1)
    for (const line of lines) expect(line).toMatch(/^(# \w+|[\w|.-]+:.*|)$/)
  })

  test('opens the version gates of clients, and looks like no other server', () => {
    const client = createEngine().connect()
    const text = client.ask('INFO', 'everything')
    expect(field(client, 'redis_version')).toBe(REDIS_VERSION)
    expect(field(client, 'respite_version')).toBe(RESPITE_VERSION)
    expect(text.indexOf('redis_version')).toBeLessThan(text.indexOf('respite_version'))
    for (const other of ['dragonfly_version', 'valkey_version', 'server:Dragonfly', 'server:Valkey']) {
      expect(text).not.toContain(other)
    }
  })

  test('has every field that BullMQ, its dashboards and ioredis read', () => {
    const client = createEngine().connect()
    for (const name of [
      'redis_version',
      'redis_mode',
      'tcp_port',
      'os',
      'uptime_in_seconds',
      'maxmemory',
      'total_system_memory',
      'used_memory',
      'mem_fragmentation_ratio',
      'used_memory_peak',
      'connected_clients',
      'blocked_clients',
      'loading',
      'role',
    ]) {
      expect(field(client, name), name).toMatch(/./)
    }
    expect(field(client, 'maxmemory_policy')).toBe('noeviction')
  })

  test('counts keys and how long they live', () => {
    const { engine, clock, connect } = createEngine()
    const client = connect()
    expect(client.ask('INFO', 'keyspace')).toBe('$12\r\n# Keyspace\r\n\r\n')
    client.ask('SET', 'a', '1')
    client.ask('SET', 'b', '1')
    const [database] = engine.databases
    database!.setExpiry(database!.find(Bytes.from('b')), clock.now() + 5000)
    expect(client.ask('INFO', 'keyspace')).toContain('\r\ndb0:keys=2,expires=1,avg_ttl=5000\r\n')
  })

  test('counts calls, failures and refusals of each command', () => {
    const client = createEngine().connect()
    client.ask('GET', 'a')
    client.ask('GET')
    client.ask('SWAPDB', 'x', 'y')
    const text = client.ask('INFO', 'commandstats')
    expect(text).toMatch(/\r\ncmdstat_get:calls=1,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=0\r\n/)
    expect(text).toMatch(
      /\r\ncmdstat_swapdb:calls=1,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=0,failed_calls=1\r\n/,
    )
    expect(text).not.toContain('cmdstat_dbsize')
  })

  test('counts errors by their code', () => {
    const client = createEngine().connect()
    client.ask('NOSUCH')
    client.ask('GET')
    expect(client.ask('INFO', 'errorstats')).toBe('$37\r\n# Errorstats\r\nerrorstat_ERR:count=2\r\n\r\n')
  })

  test('tells of loading while it lasts', () => {
    const { engine, clock, connect } = createEngine()
    const client = connect()
    expect(field(client, 'loading')).toBe('0')
    expect(field(client, 'loading_eta_seconds')).toBeUndefined()
    Object.assign(engine.conditions.loading.begin(), { totalBytes: 1000, loadedBytes: 250 })
    clock.advance(10_000)
    expect(field(client, 'loading')).toBe('1')
    expect(field(client, 'loading_loaded_perc')).toBe('25.00')
    // The integers of Redis: 10 * 750 / (250 + 1).
    expect(field(client, 'loading_eta_seconds')).toBe('29')
  })

  test('tells of a load whose size is not known by what the data took elsewhere, and of one beside the data', () => {
    const { engine, clock, connect } = createEngine()
    const client = connect()
    Object.assign(engine.conditions.loading.beginBeside(), { loadedBytes: 75_769, writerMemoryBytes: 4_575_336 })
    const told = ['loading', 'async_loading', 'loading_total_bytes', 'loading_rdb_used_mem', 'loading_loaded_perc']
    expect(told.map((name) => field(client, name))).toEqual(['0', '1', '0', '4575336', '1.66'])
    expect(field(client, 'loading_eta_seconds')).toBe('1')
    clock.advance(1000)
    expect(field(client, 'loading_eta_seconds')).toBe('59')
    engine.conditions.loading.endBeside()
    expect([field(client, 'async_loading'), field(client, 'loading_total_bytes')]).toEqual(['0', undefined])
  })

  test('says when the journal cannot be written', () => {
    const { journal, connect } = createEngine()
    const client = connect()
    expect(field(client, 'aof_last_write_status')).toBe('ok')
    journal.failure = 'No space left on device'
    expect(field(client, 'aof_last_write_status')).toBe('err')
  })

  test('works out rates from one look to the next', () => {
    const { clock, connect } = createEngine()
    const client = connect()
    client.ask('INFO')
    clock.advance(1000)
    for (let i = 0; i < 99; i++) client.ask('PING')
    clock.advance(1000)
    // 99 pings and the first INFO within two seconds; the second INFO has not run when it looks.
    expect(field(client, 'instantaneous_ops_per_sec')).toMatch(/^(50|51)$/)
  })

  test('counts reads, writes, and passwords that were wrong; CONFIG RESETSTAT sets all of it back', () => {
    const client = createEngine({ requirepass: 'secret' }).connect()
    client.ask('AUTH', 'guess')
    client.ask('AUTH', 'secret')
    expect(field(client, 'acl_access_denied_auth')).toBe('1')
    expect(field(client, 'total_reads_processed')).toBe('4')
    expect(field(client, 'total_writes_processed')).toBe('4')
    client.ask('CONFIG', 'RESETSTAT')
    for (const name of ['acl_access_denied_auth', 'total_error_replies', 'total_commands_processed']) {
      expect(field(client, name), name).toMatch(/^[0123]$/)
    }
  })

  test('knows its age', () => {
    const { clock, connect } = createEngine()
    clock.advance(86_400_000 + 5000)
    const client = connect()
    expect(field(client, 'uptime_in_seconds')).toBe('86405')
    expect(field(client, 'uptime_in_days')).toBe('1')
  })
})

describe('clients that wait', () => {
  const blocked = (client: TestClient) =>
    [...client.ask('INFO', 'clients').matchAll(/(blocked_clients|total_blocking_keys\w*):(\d+)/g)].map(([, , n]) =>
      Number(n),
    )

  test('are counted where they wait for the end of a pause, and those who wait for a removal by their keys', () => {
    const { connect } = createEngine()
    const client = connect()
    client.ask('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
    connect().ask('XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', '0', 'STREAMS', 's', '>')
    connect().ask('BLPOP', 'a', 'b', '0')
    connect().ask('WAIT', '1', '0')
    expect(blocked(client)).toEqual([3, 3, 1])
    client.ask('CLIENT', 'PAUSE', '1000', 'WRITE')
    connect().ask('SET', 'k', 'v')
    expect(blocked(client)).toEqual([4, 3, 1])
    client.ask('CLIENT', 'UNPAUSE')
    expect(blocked(client)).toEqual([3, 3, 1])
  })

  test('and are sent an error count for their command, for the one that did it, and by its code', () => {
    const { connect } = createEngine()
    const [client, waiter] = [connect(), connect()]
    const id = waiter.ask('CLIENT', 'ID').slice(1, -2)
    waiter.ask('BLPOP', 'l', '0')
    expect(client.ask('CLIENT', 'UNBLOCK', id, 'ERROR')).toBe(':1\r\n')
    const stats = client.ask('INFO', 'commandstats', 'errorstats', 'stats')
    expect(stats).toMatch(/cmdstat_blpop:calls=1,.*rejected_calls=0,failed_calls=1/)
    expect(stats).toMatch(/cmdstat_client\|unblock:calls=1,.*rejected_calls=0,failed_calls=1/)
    expect(stats).toContain('errorstat_UNBLOCKED:count=1\r\n')
    expect(stats).toContain('total_error_replies:1\r\n')
  })

  test('and are refused when their command runs again count as refused, not as run', () => {
    const { connect } = createEngine()
    const [client, restricted, poor] = [connect(), connect(), connect()]
    client.ask('ACL', 'SETUSER', 'u', 'on', 'nopass', '~*', '+@all')
    restricted.ask('AUTH', 'u', 'x')
    restricted.ask('BLPOP', 'l', '0')
    client.ask('ACL', 'SETUSER', 'u', '-blpop')
    client.ask('LPUSH', 'l', '1')
    expect(restricted.received()).toContain('-NOPERM ')
    expect(client.ask('INFO', 'commandstats')).toMatch(/cmdstat_blpop:calls=0,.*rejected_calls=1,failed_calls=0/)
    client.ask('DEL', 'l')
    poor.ask('BLMOVE', 'l', 'm', 'LEFT', 'LEFT', '0')
    client.ask('MULTI')
    client.ask('LPUSH', 'l', '1')
    client.ask('CONFIG', 'SET', 'maxmemory', '1')
    client.ask('EXEC')
    expect(poor.received()).toBe("-OOM command not allowed when used memory > 'maxmemory'.\r\n")
    expect(client.ask('INFO', 'commandstats')).toMatch(/cmdstat_blmove:calls=0,.*rejected_calls=1,failed_calls=0/)
  })
})

test('INFO debug is told only by its name, and the loop is counted until CONFIG RESETSTAT', () => {
  const { connect, engine } = createEngine()
  const client = connect()
  expect(client.ask('INFO', 'everything')).not.toContain('# Debug')
  expect(client.ask('INFO', 'debug')).toContain('eventloop_cmd_per_cycle_max:')
  client.ask('PING')
  engine.endTurn()
  const cycles = () => Number(/eventloop_cycles:(\d+)/.exec(client.ask('INFO', 'stats'))![1])
  const before = cycles()
  expect(before).toBeGreaterThan(1)
  client.ask('CONFIG', 'RESETSTAT')
  expect(cycles()).toBeLessThan(before)
})

describe('INFO debug', () => {
  /** Each reading of the clock for work comes so many milliseconds after the one before; `passes` sets them. */
  function begin() {
    const test = createEngine()
    let ms = 1
    let stepMs = 0
    test.clock.monotonic = () => {
      ms += stepMs
      return ms
    }
    const client = test.connect()
    const figure = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(client.ask('INFO', 'debug'))![1])
    const passes = (next: number, run: () => void) => {
      stepMs = next
      run()
      stepMs = 0
    }
    return { ...test, client, figure, passes }
  }

  test('tells the longest turn, from its first command to the end of its last', () => {
    const { client, connect, engine, figure, passes } = begin()
    expect(figure('eventloop_duration_max')).toBe(0)
    const other = connect()
    passes(5, () => {
      client.sendUnended('KEYS', '*')
      other.sendUnended('KEYS', '*')
    })
    engine.endTurn()
    expect(figure('eventloop_duration_max')).toBe(15_000)
    passes(2, () => client.ask('KEYS', '*'))
    expect(figure('eventloop_duration_max')).toBe(15_000)
    client.ask('CONFIG', 'RESETSTAT')
    expect(figure('eventloop_duration_max')).toBe(0)
  })

  test('tells what work by the clock took: it is a turn of its own', () => {
    const { clock, client, figure, passes } = begin()
    client.ask('SET', 'k', 'v', 'PX', '10')
    expect(figure('eventloop_duration_cron_sum')).toBe(0)
    passes(7, () => clock.advance(20))
    expect(figure('eventloop_duration_cron_sum')).toBeGreaterThanOrEqual(7000)
    expect(figure('eventloop_duration_max')).toBeGreaterThanOrEqual(7000)
  })

  test('tells what the end of turns takes beside their commands', () => {
    const { client, figure, passes } = begin()
    passes(1, () => {
      for (let i = 0; i < 32; i++) client.ask('PING')
    })
    const took = figure('eventloop_duration_cron_sum')
    expect(took).toBeGreaterThanOrEqual(16_000)
    expect(figure('eventloop_duration_cron_sum')).toBeGreaterThan(took)
  })

  test('tells what the writes of the append-only file took: they belong to their turn', async () => {
    const { clock, connect, engine } = await start(new MemoryDisk())
    clock.advance(1)
    const client = connect()
    const figure = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(client.ask('INFO', 'debug'))![1])
    expect(figure('eventloop_duration_aof_sum')).toBe(0)
    client.sendUnended('SET', 'k', 'v')
    let ms = clock.monotonic()
    clock.monotonic = () => {
      ms += 4
      return ms
    }
    engine.endTurn()
    clock.monotonic = () => ms
    expect(figure('eventloop_duration_aof_sum')).toBe(4000)
    expect(figure('eventloop_duration_max')).toBe(4000)
  })
})

test('SLOWLOG shows commands as they came, not as they are journaled', () => {
  const { connect, journal } = createEngine({ 'slowlog-log-slower-than': '0' })
  const client = connect()
  client.ask('XADD', 's', 'MAXLEN', '~', '0', '*', 'a', 'b')
  client.ask('GEOADD', 'g', '1', '1', 'a')
  expect(journal.take().join()).toMatch(/XADD s MAXLEN = 0 \d+-0 a b.*ZADD g/)
  const words = client
    .ask('SLOWLOG', 'GET')
    .replace(/\$\d+\r\n/g, '')
    .replace(/\r\n/g, ' ')
  expect(words).toContain('GEOADD g 1 1 a')
  expect(words).toContain('XADD s MAXLEN ~ 0 * a b')
})
