import { describe, expect, test } from 'vitest'
import { EVENT_ALL, formatEventFlags, parseEventFlags } from '../../src/config/event-flags.ts'
import { List } from '../../src/store/list/list.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { createEngine, encode, type TestClient } from '../support/engine.ts'

/** Subscribes to every event, and returns what arrived since the last look as `keyspace@0 k set`. */
function listen(client: TestClient): () => string[] {
  client.ask('PSUBSCRIBE', '__key*')
  client.received()
  return () => {
    const words = client.received().split('\r\n')
    const events: string[] = []
    for (let i = 0; i < words.length; i++) {
      if (words[i] !== 'pmessage') continue
      const [, name, payload] = [words[i + 2], words[i + 4]!, words[i + 6]]
      const [space, rest] = [name.slice(2, name.indexOf('__:')), name.slice(name.indexOf('__:') + 3)]
      events.push(`${space} ${rest} ${payload}`)
    }
    return events
  }
}

describe('notify-keyspace-events', () => {
  test('is read by letter and printed as CONFIG GET prints it', () => {
    const printed = (text: string): string => formatEventFlags(parseEventFlags(text)!)
    expect(printed('KEA')).toBe('AKE')
    // Redis forgets to print n beside A.
    expect(printed('KEAmn')).toBe('AKEm')
    expect(printed('KElmn')).toBe('lnKEm')
    expect(printed('g$lshzxetd')).toBe('A')
    expect(printed('Elg')).toBe('glE')
    expect(printed('')).toBe('')
    expect(parseEventFlags('A')).toBe(EVENT_ALL)
    expect(parseEventFlags('KEq')).toBeUndefined()
  })

  test('is off until set, and follows CONFIG SET at once', () => {
    const { connect, engine } = createEngine()
    const client = connect()
    const events = listen(connect())
    client.ask('SET', 'k', 'v')
    expect(events()).toEqual([])
    engine.config.set('notify-keyspace-events', 'KEA')
    client.ask('SET', 'k', 'v')
    expect(events()).toEqual(['keyspace@0 k set', 'keyevent@0 set k'])
    engine.config.set('notify-keyspace-events', '')
    client.ask('SET', 'k', 'v')
    expect(events()).toEqual([])
  })

  test('K and E choose the channels, letters the classes', () => {
    const { connect, engine } = createEngine({ 'notify-keyspace-events': 'K$' })
    const client = connect()
    const events = listen(connect())
    client.ask('SET', 'k', 'v')
    expect(events()).toEqual(['keyspace@0 k set'])
    engine.config.set('notify-keyspace-events', 'E$')
    client.ask('SET', 'k', 'v')
    expect(events()).toEqual(['keyevent@0 set k'])
    for (const silent of ['$', 'KEl', 'mn']) {
      engine.config.set('notify-keyspace-events', silent)
      client.ask('SET', 'another', 'v')
      client.ask('GET', 'missing')
      client.ask('DEL', 'another')
      expect(events()).toEqual([])
    }
  })

  test('tells the database', () => {
    const { connect } = createEngine({ 'notify-keyspace-events': 'KEA' })
    const client = connect()
    const events = listen(connect())
    client.ask('SELECT', '5')
    client.ask('SET', 'k', 'v')
    expect(events()).toEqual(['keyspace@5 k set', 'keyevent@5 set k'])
  })

  test('m tells of reads that found nothing', () => {
    const { connect } = createEngine({ 'notify-keyspace-events': 'KEm' })
    const client = connect()
    const events = listen(connect())
    client.ask('SET', 'k', 'v')
    client.ask('GET', 'k')
    expect(events()).toEqual([])
    client.ask('GET', 'missing')
    expect(events()).toEqual(['keyspace@0 missing keymiss', 'keyevent@0 keymiss missing'])
  })

  test('n tells of new keys, before what else is told of them', () => {
    const { connect } = createEngine({ 'notify-keyspace-events': 'KEAn' })
    const client = connect()
    const events = listen(connect())
    client.ask('SET', 'k', 'v')
    expect(events()).toEqual(['keyspace@0 k new', 'keyevent@0 new k', 'keyspace@0 k set', 'keyevent@0 set k'])
    client.ask('SET', 'k', 'w')
    expect(events()).toEqual(['keyspace@0 k set', 'keyevent@0 set k'])
  })

  test('n tells of new structures too, but not of ones that replace something', () => {
    const { connect, engine } = createEngine({ 'notify-keyspace-events': 'En' })
    const events = listen(connect())
    const [db] = engine.databases
    db!.create(Bytes.from('list'), new List(db!.arena, db!.host))
    expect(events()).toEqual(['keyevent@0 new list'])
    db!.writeStructure(Bytes.from('list'), new List(db!.arena, db!.host))
    expect(events()).toEqual([])
    db!.writeStructure(Bytes.from('other'), new List(db!.arena, db!.host))
    expect(events()).toEqual(['keyevent@0 new other'])
    db!.rename(Bytes.from('list'), Bytes.from('other'))
    expect(events()).toEqual(['keyevent@0 new other'])
  })

  test('a key that expires is told when its time is up, asked for or not', () => {
    const { connect, engine, clock } = createEngine({ 'notify-keyspace-events': 'Ex' })
    const client = connect()
    const events = listen(connect())
    for (const name of ['a', 'b']) {
      client.ask('SET', name, 'v')
      engine.databases[0]!.setExpiry(engine.databases[0]!.find(Bytes.from(name)), clock.now() + 1000)
    }
    engine.endTurn()
    clock.advance(1000)
    expect(events()).toEqual([])
    clock.advance(1)
    expect(events().sort()).toEqual(['keyevent@0 expired a', 'keyevent@0 expired b'])
  })

  test('a client that hears of its own changes is first replied to', () => {
    const { connect } = createEngine({ 'notify-keyspace-events': 'E$' })
    const client = connect(3)
    client.ask('SUBSCRIBE', '__keyevent@0__:set')
    const told = '>3\r\n$7\r\nmessage\r\n$18\r\n__keyevent@0__:set\r\n$1\r\nk\r\n'
    expect(client.sendRaw(encode(['SET', 'k', '1']) + encode(['SET', 'k', '2']))).toBe(`+OK\r\n${told}+OK\r\n${told}`)
  })

  test('any bytes make a key', () => {
    const { connect } = createEngine({ 'notify-keyspace-events': 'KE$' })
    const [client, listener] = [connect(), connect()]
    const key = '\x00\xff \r\n*'
    listener.ask('SUBSCRIBE', `__keyspace@0__:${key}`, '__keyevent@0__:set')
    client.ask('SET', key, 'v')
    expect(listener.received()).toContain(
      `$3\r\nset\r\n*3\r\n$7\r\nmessage\r\n$18\r\n__keyevent@0__:set\r\n$6\r\n${key}\r\n`,
    )
  })
})
