// Consumer groups: what is delivered, to whom, what is journaled of it, and who waits.

import { describe, expect, test } from 'vitest'
import { createEngine, type TestEngine } from '../../support/engine.ts'

function withGroup(entries = 3): TestEngine & { client: ReturnType<TestEngine['connect']> } {
  const made = createEngine()
  const client = made.connect()
  for (let i = 1; i <= entries; i++) client.ask('XADD', 's', `${i}-0`, 'f', i)
  if (entries > 0) client.ask('XGROUP', 'CREATE', 's', 'g', 0)
  made.journal.take()
  return { ...made, client }
}

const now = (made: TestEngine) => made.clock.now()

describe('XREADGROUP', () => {
  test('delivers what is new to the group, and journals who has it, when, and how far the group is', () => {
    const made = withGroup()
    const { client, journal } = made
    expect(client.ask('XREADGROUP', 'GROUP', 'g', 'alice', 'COUNT', 2, 'STREAMS', 's', '>')).toBe(
      '*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\n1\r\n*2\r\n$3\r\n2-0\r\n*2\r\n$1\r\nf\r\n$1\r\n2\r\n',
    )
    expect(journal.take()).toEqual([
      'MULTI',
      '0 XGROUP CREATECONSUMER s g alice',
      `0 XCLAIM s g alice 0 1-0 2-0 TIME ${now(made)} RETRYCOUNT 1 FORCE JUSTID LASTID 2-0`,
      '0 XGROUP SETID s g 2-0 ENTRIESREAD 2',
      'EXEC',
    ])
    expect(client.ask('XREADGROUP', 'GROUP', 'g', 'alice', 'NOACK', 'STREAMS', 's', '>')).toContain('3-0')
    expect(journal.take()).toEqual(['0 XGROUP SETID s g 3-0 ENTRIESREAD 3'])
    expect(client.ask('XREADGROUP', 'GROUP', 'g', 'alice', 'STREAMS', 's', '>')).toBe('*-1\r\n')
    expect(journal.take()).toEqual([])
    expect(client.ask('XPENDING', 's', 'g')).toBe(
      '*4\r\n:2\r\n$3\r\n1-0\r\n$3\r\n2-0\r\n*1\r\n*2\r\n$5\r\nalice\r\n$1\r\n2\r\n',
    )
  })

  test('journals a long backlog in several commands', () => {
    const made = withGroup(2500)
    const { client, journal } = made
    client.ask('XREADGROUP', 'GROUP', 'g', 'a', 'STREAMS', 's', '>')
    const lines = journal.take()
    expect(lines.map((line) => line.split(' ')[1] ?? line)).toEqual([
      'MULTI',
      'XGROUP',
      'XCLAIM',
      'XCLAIM',
      'XCLAIM',
      'XGROUP',
      'EXEC',
    ])
    const ids = lines.filter((line) => line.includes('XCLAIM')).flatMap((line) => line.match(/(?<= )\d+-0(?= .*TIME)/g))
    expect(ids).toEqual(Array.from({ length: 2500 }, (_, i) => `${i + 1}-0`))
    expect(lines.find((line) => line.includes('XCLAIM'))).toContain('LASTID 995-0')
  })

  test('answers a map in RESP3', () => {
    const { connect } = withGroup(1)
    expect(connect(3).ask('XREADGROUP', 'GROUP', 'g', 'a', 'STREAMS', 's', '>')).toBe(
      '%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\n1\r\n',
    )
    expect(connect(3).ask('XREADGROUP', 'GROUP', 'g', 'a', 'STREAMS', 's', '>')).toBe('_\r\n')
  })

  test('names a stream twice: the second finds what the first left', () => {
    const { client } = withGroup(3)
    const reply = client.ask('XREADGROUP', 'GROUP', 'g', 'a', 'COUNT', 2, 'STREAMS', 's', 's', '>', '>')
    expect(reply.match(/\d-0/g)).toEqual(['1-0', '2-0', '3-0'])
    expect(client.ask('XREADGROUP', 'GROUP', 'g', 'a', 'COUNT', 2, 'STREAMS', 's', 's', '>', '>')).toBe('*-1\r\n')
  })

  test('gives a consumer its history again, deleted entries without fields, and journals that', () => {
    const made = withGroup(2)
    const { client, clock, journal } = made
    client.ask('XREADGROUP', 'GROUP', 'g', 'a', 'STREAMS', 's', '>')
    client.ask('XDEL', 's', '1-0')
    journal.take()
    clock.advance(100)
    expect(client.ask('XREADGROUP', 'GROUP', 'g', 'a', 'STREAMS', 's', '0')).toBe(
      '*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n1-0\r\n*-1\r\n*2\r\n$3\r\n2-0\r\n*2\r\n$1\r\nf\r\n$1\r\n2\r\n',
    )
    expect(journal.take()).toEqual([`0 XCLAIM s g a 0 2-0 TIME ${now(made)} RETRYCOUNT 2 FORCE JUSTID LASTID 2-0`])
    expect(client.ask('XREADGROUP', 'GROUP', 'g', 'other', 'STREAMS', 's', '0')).toBe('*1\r\n*2\r\n$1\r\ns\r\n*0\r\n')
  })

  test('counts two deliveries of an entry that XCLAIM FORCE makes pending, and one with JUSTID, as redis-server does', () => {
    const { client } = withGroup(2)
    client.ask('XCLAIM', 's', 'g', 'a', 0, '1-0', 'FORCE')
    client.ask('XCLAIM', 's', 'g', 'a', 0, '2-0', 'FORCE', 'JUSTID')
    expect(client.ask('XPENDING', 's', 'g', '-', '+', 10)).toBe(
      '*2\r\n*4\r\n$3\r\n1-0\r\n$1\r\na\r\n:0\r\n:2\r\n*4\r\n$3\r\n2-0\r\n$1\r\na\r\n:0\r\n:1\r\n',
    )
  })

  test('waits for a new entry, which one of those who wait gets', () => {
    const { client, connect, journal } = withGroup(0)
    client.ask('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
    const [first, second] = [connect(), connect()]
    expect(first.ask('XREADGROUP', 'GROUP', 'g', 'a', 'BLOCK', 0, 'STREAMS', 's', '>')).toBe('')
    expect(second.ask('XREADGROUP', 'GROUP', 'g', 'b', 'BLOCK', 0, 'STREAMS', 's', '>')).toBe('')
    journal.take()
    client.ask('XADD', 's', '5-5', 'f', 'v')
    expect(first.received()).toBe('*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n5-5\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n')
    expect(second.received()).toBe('')
    expect(journal.take()[0]).toBe('0 XADD s 5-5 f v')
  })

  test.each([
    [['XGROUP', 'DESTROY', 's', 'g'], '-NOGROUP'],
    [['DEL', 's'], '-NOGROUP'],
    [['FLUSHALL'], '-NOGROUP'],
    [['RENAME', 's', 't'], '-NOGROUP'],
    [['SET', 's', 'text'], '-WRONGTYPE'],
  ])('ends a wait with an error after %j', (command, error) => {
    const { client, connect } = withGroup(0)
    client.ask('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
    const waiting = connect()
    waiting.ask('XREADGROUP', 'GROUP', 'g', 'a', 'BLOCK', 0, 'STREAMS', 's', '>')
    client.ask(...command)
    const reply = waiting.received()
    expect(reply.startsWith(error)).toBe(true)
    if (error === '-NOGROUP') {
      expect(reply).toBe("-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option\r\n")
    }
  })

  test('gives up waiting when the time is up', () => {
    const { client, clock, connect } = withGroup(0)
    client.ask('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
    const waiting = connect(3)
    expect(waiting.ask('XREADGROUP', 'GROUP', 'g', 'a', 'BLOCK', 20, 'STREAMS', 's', '>')).toBe('')
    clock.advance(25)
    expect(waiting.received()).toBe('_\r\n')
  })

  test('creates a consumer that asks and gets nothing', () => {
    const { client } = withGroup(0)
    client.ask('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
    client.ask('XREADGROUP', 'GROUP', 'g', 'a', 'STREAMS', 's', '>')
    expect(client.ask('XINFO', 'CONSUMERS', 's', 'g')).toBe(
      '*1\r\n*8\r\n$4\r\nname\r\n$1\r\na\r\n$7\r\npending\r\n:0\r\n$4\r\nidle\r\n:0\r\n$8\r\ninactive\r\n:-1\r\n',
    )
  })
})

describe('XCLAIM and XAUTOCLAIM', () => {
  test('take over what waited long enough, and journal each entry as it is then', () => {
    const made = withGroup(2)
    const { client, clock, journal } = made
    client.ask('XREADGROUP', 'GROUP', 'g', 'a', 'STREAMS', 's', '>')
    clock.advance(1000)
    client.ask('XREADGROUP', 'GROUP', 'g', 'a', 'COUNT', 1, 'STREAMS', 's', '0')
    journal.take()
    expect(client.ask('XCLAIM', 's', 'g', 'b', 500, '1-0', '2-0', '9-0')).toBe(
      '*1\r\n*2\r\n$3\r\n2-0\r\n*2\r\n$1\r\nf\r\n$1\r\n2\r\n',
    )
    expect(journal.take()).toEqual([
      'MULTI',
      '0 XGROUP CREATECONSUMER s g b',
      `0 XCLAIM s g b 0 2-0 TIME ${now(made)} RETRYCOUNT 2 FORCE JUSTID LASTID 2-0`,
      'EXEC',
    ])
    expect(client.ask('XPENDING', 's', 'g', '-', '+', 10)).toBe(
      '*2\r\n*4\r\n$3\r\n1-0\r\n$1\r\na\r\n:0\r\n:2\r\n*4\r\n$3\r\n2-0\r\n$1\r\nb\r\n:0\r\n:2\r\n',
    )
  })

  test('XAUTOCLAIM goes on where it stopped, and names what was deleted, which is pending no longer', () => {
    const { client } = withGroup(4)
    client.ask('XREADGROUP', 'GROUP', 'g', 'a', 'STREAMS', 's', '>')
    client.ask('XDEL', 's', '1-0', '3-0')
    expect(client.ask('XAUTOCLAIM', 's', 'g', 'b', 0, '-', 'COUNT', 2, 'JUSTID')).toBe(
      '*3\r\n$3\r\n3-0\r\n*1\r\n$3\r\n2-0\r\n*1\r\n$3\r\n1-0\r\n',
    )
    expect(client.ask('XAUTOCLAIM', 's', 'g', 'b', 0, '3-0')).toBe(
      '*3\r\n$3\r\n0-0\r\n*1\r\n*2\r\n$3\r\n4-0\r\n*2\r\n$1\r\nf\r\n$1\r\n4\r\n*1\r\n$3\r\n3-0\r\n',
    )
    expect(client.ask('XPENDING', 's', 'g')).toContain('*4\r\n:2\r\n$3\r\n2-0\r\n$3\r\n4-0\r\n')
  })
})

describe('the journal', () => {
  test('makes the same groups when it is replayed', () => {
    const made = withGroup(0)
    const { client, clock, journal } = made
    const lines: string[] = []
    const run = (...words: (string | number)[]) => {
      client.ask(...words)
      lines.push(...journal.take())
    }
    for (let i = 1; i <= 9; i++) run('XADD', 's', 'MAXLEN', '~', 1000, '*', 'f', i)
    run('XGROUP', 'CREATE', 's', 'g', 0)
    run('XREADGROUP', 'GROUP', 'g', 'a', 'COUNT', 4, 'STREAMS', 's', '>')
    clock.advance(50)
    run('XREADGROUP', 'GROUP', 'g', 'b', 'COUNT', 3, 'STREAMS', 's', '>')
    run('XREADGROUP', 'GROUP', 'g', 'a', 'COUNT', 2, 'STREAMS', 's', '0')
    run('XAUTOCLAIM', 's', 'g', 'c', 0, '-', 'COUNT', 1)
    run('XTRIM', 's', 'MAXLEN', 8)
    run('XREADGROUP', 'GROUP', 'g', 'd', 'NOACK', 'STREAMS', 's', '>')
    run('XAUTOCLAIM', 's', 'g', 'c', 0, '-', 'COUNT', 3)
    run('XGROUP', 'DELCONSUMER', 's', 'g', 'b')
    const replayed = createEngine()
    // A delivery in the future would be taken for one now.
    replayed.clock.advance(10_000)
    const again = replayed.connect()
    for (const line of lines) {
      const words = line.split(' ')
      if (words.length > 1) again.ask(...words.slice(1))
    }
    const state = (asked: typeof client) =>
      asked.ask('XINFO', 'STREAM', 's', 'FULL', 'COUNT', 0).replaceAll(/((?:seen|active)-time\r\n):-?\d+/g, '$1')
    expect(state(again)).toBe(state(client))
  })
})

describe('XACK', () => {
  test('is journaled as it came when something was pending, and breaks no WATCH', () => {
    const { client, connect, journal } = withGroup(2)
    client.ask('XREADGROUP', 'GROUP', 'g', 'a', 'STREAMS', 's', '>')
    journal.take()
    const watching = connect()
    watching.ask('WATCH', 's')
    watching.ask('MULTI')
    watching.ask('PING')
    expect(client.ask('XACK', 's', 'g', '1-0', '1-0', '7-7')).toBe(':1\r\n')
    expect(journal.take()).toEqual(['0 XACK s g 1-0 1-0 7-7'])
    expect(client.ask('XACK', 's', 'g', '1-0')).toBe(':0\r\n')
    expect(journal.take()).toEqual([])
    expect(watching.ask('EXEC')).toBe('*1\r\n+PONG\r\n')
    expect(client.ask('XACK', 's', 'g', '2-0', 'x')).toBe(
      '-ERR Invalid stream ID specified as stream command argument\r\n',
    )
    expect(client.ask('XACK', 's', 'nosuch', 'x')).toBe(':0\r\n')
  })
})

describe('a stream with groups', () => {
  test('is copied with all of it, and gives all memory back', () => {
    const { client, engine, clock } = withGroup(300)
    for (const consumer of ['a', 'b']) {
      client.ask('XREADGROUP', 'GROUP', 'g', consumer, 'COUNT', 140, 'STREAMS', 's', '>')
    }
    const before = client.ask('XINFO', 'STREAM', 's', 'FULL', 'COUNT', 0)
    expect(client.ask('COPY', 's', 't')).toBe(':1\r\n')
    client.ask('XACK', 's', 'g', '5-0')
    client.ask('XDEL', 's', '5-0')
    expect(client.ask('XINFO', 'STREAM', 't', 'FULL', 'COUNT', 0)).toBe(before)
    expect(client.ask('DEL', 's', 't')).toBe(':2\r\n')
    clock.advance(0)
    expect(engine.databases[0]!.arena.usedBytes).toBe(createEngine().engine.databases[0]!.arena.usedBytes)
  })

  test('leaves the keyspace as one event each', () => {
    const { connect } = createEngine({ 'notify-keyspace-events': 'Et' })
    const client = connect()
    const listening = connect()
    listening.ask('PSUBSCRIBE', '__keyevent@0__:*')
    const events = () => [...listening.received().matchAll(/__keyevent@0__:([a-z-]+)\r\n\$1/g)].map((match) => match[1])
    const ask = (...words: (string | number)[]) => {
      client.ask(...words)
      return events()
    }
    expect(ask('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')).toEqual(['xgroup-create'])
    expect(ask('XADD', 's', '1-0', 'f', 'v')).toEqual(['xadd'])
    expect(ask('XADD', 's', 'MAXLEN', 1, '2-0', 'f', 'v')).toEqual(['xadd', 'xtrim'])
    expect(ask('XADD', 's', 'MAXLEN', 5, '3-0', 'f', 'v')).toEqual(['xadd'])
    expect(ask('XREADGROUP', 'GROUP', 'g', 'a', 'STREAMS', 's', '>')).toEqual(['xgroup-createconsumer'])
    expect(ask('XACK', 's', 'g', '2-0')).toEqual([])
    expect(ask('XDEL', 's', '2-0')).toEqual(['xdel'])
    expect(ask('XDEL', 's', '2-0')).toEqual([])
    expect(ask('XSETID', 's', '9-0')).toEqual(['xsetid'])
    expect(ask('XGROUP', 'SETID', 's', 'g', '0')).toEqual(['xgroup-setid'])
    expect(ask('XGROUP', 'CREATECONSUMER', 's', 'g', 'a')).toEqual([])
    expect(ask('XGROUP', 'DELCONSUMER', 's', 'g', 'a')).toEqual(['xgroup-delconsumer'])
    expect(ask('XGROUP', 'DESTROY', 's', 'g')).toEqual(['xgroup-destroy'])
    expect(ask('XTRIM', 's', 'MAXLEN', 0)).toEqual(['xtrim'])
    expect(client.ask('EXISTS', 's')).toBe(':1\r\n')
  })
})
