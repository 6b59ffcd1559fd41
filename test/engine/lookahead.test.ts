import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lookAhead } from '../../src/engine/lookahead.ts'
import { Arena } from '../../src/store/arena.ts'
import { Keyspace } from '../../src/store/keyspace.ts'
import { Bytes, Source } from '../../src/util/bytes.ts'
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

function keyspace(): Watched {
  const keys = new Watched(new Arena(), HASH_KEY)
  for (let i = 0; i < 10_000; i++) keys.insert(Bytes.from(`key:${i}`))
  return keys
}

const many = keyspace()

function seen(text: string, keys = many): string[] {
  keys.fetched.length = 0
  const source = new Source(Buffer.from(`...${text}`, 'latin1'))
  lookAhead(source, 3, source.u8.length, keys)
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
    lookAhead(source, 0, text.length, many)
    // The second command does not ask for its key, the third does twice.
    for (const name of ['key:1', 'key:3', 'key:3']) expect(many.hash(at(name))).toBe(hashOf(name))

    lookAhead(source, 0, text.length, many)
    source.u8.write('key:9', text.indexOf('key:1'))
    lookAhead(source, 0, request('GET', 'key:1').length, many)
    expect(many.hash(at('key:1'))).toBe(hashOf('key:9'))
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
