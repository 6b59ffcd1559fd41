import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fetchAhead, type Places } from '../../src/engine/data/fetch-ahead.ts'
import { Keyspace } from '../../src/store/keyspace/keyspace.ts'
import { Arena } from '../../src/store/memory/arena.ts'
import { ABSENT, Dictionary } from '../../src/store/structures/dictionary.ts'
import { type MemberTable, TYPE_HASH, TYPE_SET, TYPE_ZSET, type Value } from '../../src/store/structures/value.ts'
import { Bytes, Source } from '../../src/util/bytes/bytes.ts'
import { HASH_KEY } from '../support/structure-host.ts'

/** A keyspace that notes which keys it is asked to fetch. */
class Watched extends Keyspace {
  readonly fetched: string[] = []
  override fetch(source: Source, starts: Int32Array, lengths: Int32Array, count: number): void {
    super.fetch(source, starts, lengths, count)
    for (let i = 0; i < count; i++) {
      this.fetched.push(source.u8.toString('latin1', starts[i], starts[i]! + lengths[i]!))
    }
  }
}

/** Keys, under none of which is a structure. */
function only(keys: Keyspace): Places {
  return { keys, structureUnder: () => undefined }
}

function keyspace(): Watched {
  const keys = new Watched(new Arena(), HASH_KEY)
  for (let i = 0; i < 10_000; i++) keys.insert(Bytes.from(`key:${i}`))
  return keys
}

const many = keyspace()

function seen(text: string, keys = many): string[] {
  keys.fetched.length = 0
  const source = new Source(Buffer.from(`...${text}`, 'latin1'))
  fetchAhead(source, 3, source.u8.length, only(keys))
  return keys.fetched
}

const request = (...words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`

describe('looking ahead', () => {
  it('fetches the first keys of a pipeline, missing ones too', () => {
    expect(
      seen(request('GET', 'key:1') + request('SET', 'nobody', 'x'.repeat(200)) + request('INCR', 'key:3')),
    ).toEqual(['key:1', 'nobody', 'key:3'])
  })

  it('passes over requests without keys, and ends after sixteen', () => {
    expect(seen(request('PING') + request('GET', 'key:1') + request('PING') + request('GET', 'key:2'))).toEqual([
      'key:1',
      'key:2',
    ])
    expect(seen(request('GET', 'key:7').repeat(40))).toHaveLength(16)
  })

  it('leaves a single request, a cut one and a small keyspace alone', () => {
    expect(seen(request('SET', 'key:1', 'a value that is long enough'))).toEqual([])
    expect(seen(request('GET', 'key:1') + request('GET', 'key:2').slice(0, -6))).toEqual([])
    const few = new Watched(new Arena(), HASH_KEY)
    few.insert(Bytes.from('key:1'))
    expect(seen(request('GET', 'key:1').repeat(5), few)).toEqual([])
  })

  it('hands hashes over to the commands, until the bytes are others', () => {
    const names = ['key:1', 'nobody', 'key:3']
    const text = names.map((name) => request('GET', name)).join('')
    const source = new Source(Buffer.from(text, 'latin1'))
    const at = (name: string): Bytes => new Bytes(source, text.indexOf(name), name.length)
    const hashOf = (name: string): number => many.hash(Bytes.from(name))
    fetchAhead(source, 0, text.length, only(many))
    // The second command does not ask for its key, the third does twice.
    for (const name of ['key:1', 'key:3', 'key:3']) expect(many.hash(at(name))).toBe(hashOf(name))

    fetchAhead(source, 0, text.length, only(many))
    source.u8.write('key:9', text.indexOf('key:1'))
    fetchAhead(source, 0, request('GET', 'key:1').length, only(many))
    expect(many.hash(at('key:1'))).toBe(hashOf('key:9'))
  })

  describe('at a pipeline that is about one value', () => {
    /** Members that are fetched of a structure of so many members by requests. */
    function members(type: number, count: number, text: string): string[] {
      const found: string[] = []
      const fetchMembers: MemberTable['fetchMembers'] = (source, starts, lengths, length) => {
        for (let i = 0; i < length; i++) {
          found.push(source.u8.toString('latin1', starts[i], starts[i]! + lengths[i]!))
        }
      }
      const structure = { type, table: { count, fetchMembers } } as unknown as Value
      const few = new Watched(new Arena(), HASH_KEY)
      const source = new Source(Buffer.from(text, 'latin1'))
      fetchAhead(source, 0, text.length, {
        keys: few,
        structureUnder: (key) => (key.toString() === 'tags' ? structure : undefined),
      })
      expect(few.fetched).toEqual([])
      return found
    }

    it('fetches the members that stand behind its key', () => {
      const text =
        request('SADD', 'tags', 'one') + request('SISMEMBER', 'tags', 'two') + request('SREM', 'tags', 'three')
      expect(members(TYPE_SET, 10_000, text)).toEqual(['one', 'two', 'three'])
      expect(members(TYPE_SET, 10_000, request('SADD', 'tags', 'a').repeat(40))).toHaveLength(16)
      expect(members(TYPE_HASH, 10_000, request('HSET', 'tags', 'field', 'value').repeat(2))).toEqual([
        'field',
        'field',
      ])
    })

    it('fetches those of a sorted set from behind their scores, where there are some', () => {
      const text = request('ZADD', 'tags', '1', 'one') + request('ZADD', 'tags', '2', 'two')
      expect(members(TYPE_ZSET, 10_000, text)).toEqual(['one', 'two'])
      expect(members(TYPE_ZSET, 10_000, request('ZSCORE', 'tags', 'one').repeat(3))).toHaveLength(3)
    })

    it('leaves few members, and other keys, alone', () => {
      expect(members(TYPE_SET, 9999, request('SADD', 'tags', 'one').repeat(3))).toEqual([])
      expect(members(TYPE_SET, 10_000, request('SADD', 'other', 'one').repeat(3))).toEqual([])
      expect(members(TYPE_SET, 10_000, request('SADD', 'tags', 'one') + request('SADD', 'Tags', 'one'))).toEqual([])
    })

    it('hands hashes of members over to the commands', () => {
      const table = new Dictionary(new Arena(), HASH_KEY)
      for (let i = 0; i < 10_000; i++) table.insert(Bytes.from(`member:${i}`))
      const names = ['member:7', 'nobody', 'member:9999']
      const text = names.map((name) => request('SISMEMBER', 'tags', name)).join('')
      const source = new Source(Buffer.from(text, 'latin1'))
      fetchAhead(source, 0, text.length, {
        keys: new Watched(new Arena(), HASH_KEY),
        structureUnder: () => ({ type: TYPE_SET, table }) as unknown as Value,
      })
      const entries = names.map((name) => table.find(new Bytes(source, text.indexOf(name), name.length)))
      expect(entries).toEqual(names.map((name) => table.find(Bytes.from(name))))
      expect(entries[1]).toBe(ABSENT)
    })
  })

  it('never goes back', () => {
    const back = '*1\r\n$-1\r\n'
    for (let length = 1; length < 40; length++) expect(seen(`${back.repeat(6)}$-${length}\r\n${back}`)).toEqual([])
  })

  it('stands whatever bytes come, and stays within them', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary-ascii' }),
      fc.constantFrom(
        '*2\r\n',
        '$3\r\n',
        '*9\r\n',
        '$-1\r\n',
        '$99999999999\r\n',
        '\r\n',
        '*1\r\n$',
        request('GET', 'key:5'),
      ),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join('')
        for (const key of seen(text)) expect(text).toContain(key)
      }),
    )
  })
})
