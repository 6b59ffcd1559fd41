import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Arena } from '../../src/store/memory/arena.ts'
import { ABSENT, Dictionary } from '../../src/store/structures/dictionary.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { HASH_KEY } from '../support/structure-host.ts'

const window = new Bytes()

/** Puts a member in, if it is not there, with a value in its room. */
function put(dictionary: Dictionary, member: string, value: string): void {
  const key = Bytes.from(member)
  let entry = dictionary.find(key)
  if (entry === ABSENT) entry = dictionary.insert(key, value.length)
  if (dictionary.roomOf(entry) < value.length) dictionary.changeRoom(entry, value.length)
  dictionary.valueOf(entry, value.length, window)
  window.source.u8.write(value, window.start, 'latin1')
  dictionary.setExtra(entry, value.length)
}

function remove(dictionary: Dictionary, member: string): void {
  const entry = dictionary.find(Bytes.from(member))
  if (entry === ABSENT) return
  // Both ways to name it.
  if (entry % 2 === 0) dictionary.remove(entry)
  else dictionary.removeBlock(dictionary.blockOf(entry))
}

function content(dictionary: Dictionary): Map<string, string> {
  const found = new Map<string, string>()
  for (let entry = 0; entry < dictionary.count; entry++) {
    const member = dictionary.memberOf(entry, window).toString()
    found.set(member, dictionary.valueOf(entry, dictionary.extra(entry), window).toString())
  }
  return found
}

describe('a dictionary', () => {
  it('holds what a Map holds, through inserts, overwrites and removals', () => {
    const step = fc.record({
      remove: fc.boolean(),
      member: fc.integer({ min: 0, max: 300 }).map((n) => `m${n}`),
      value: fc.string({ maxLength: 40, unit: 'binary-ascii' }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600, size: 'max' }), (steps) => {
        const arena = new Arena()
        const dictionary = new Dictionary(arena, HASH_KEY)
        const model = new Map<string, string>()
        for (const { remove: gone, member, value } of steps) {
          if (gone) {
            remove(dictionary, member)
            model.delete(member)
          } else {
            put(dictionary, member, value)
            model.set(member, value)
          }
        }
        expect(content(dictionary)).toEqual(model)
        for (const member of model.keys()) expect(dictionary.find(Bytes.from(member))).not.toBe(ABSENT)
        dictionary.free()
        expect(arena.usedBytes).toBe(0)
      }),
      { numRuns: 30 },
    )
  })

  it('grows to a hundred thousand members and shrinks to none, and gives all memory back', () => {
    const arena = new Arena()
    const dictionary = new Dictionary(arena, HASH_KEY)
    for (let i = 0; i < 100_000; i++) dictionary.insert(Bytes.from(`member:${i}`))
    for (let i = 0; i < 100_000; i += 97) expect(dictionary.find(Bytes.from(`member:${i}`))).not.toBe(ABSENT)
    for (let i = 0; i < 100_000; i++) dictionary.remove(dictionary.find(Bytes.from(`member:${i}`)))
    expect(dictionary.count).toBe(0)
    dictionary.free()
    expect(arena.usedBytes).toBe(0)
  })

  it('keeps members and values longer than an arena block', () => {
    const arena = new Arena()
    const dictionary = new Dictionary(arena, HASH_KEY)
    const long = 'x'.repeat(100_000)
    put(dictionary, long, 'short')
    put(dictionary, 'short', long)
    put(dictionary, `${long}2`, long)
    remove(dictionary, long)
    expect(content(dictionary)).toEqual(
      new Map([
        [`${long}2`, long],
        ['short', long],
      ]),
    )
    dictionary.free()
    expect(arena.usedBytes).toBe(0)
  })

  it('names a member by the same block while others come and go', () => {
    const dictionary = new Dictionary(new Arena(), HASH_KEY)
    for (let i = 0; i < 1000; i++) dictionary.insert(Bytes.from(`m${i}`))
    const block = dictionary.blockOf(dictionary.find(Bytes.from('m999')))
    for (let i = 0; i < 999; i++) remove(dictionary, `m${i}`)
    expect(dictionary.find(Bytes.from('m999'))).toBe(0)
    expect(dictionary.blockOf(0)).toBe(block)
    expect(dictionary.memberOfBlock(block, window).toString()).toBe('m999')
  })

  it('shows a walk downwards every member that stays, whatever else happens between two steps', () => {
    const change = fc.record({ remove: fc.boolean(), member: fc.integer({ min: 0, max: 200 }) })
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 12 }), { minLength: 20, maxLength: 60 }), (rounds) => {
        const dictionary = new Dictionary(new Arena(), HASH_KEY)
        const stays = new Set<string>()
        for (let i = 0; i < 50; i++) {
          stays.add(`stay${i}`)
          put(dictionary, `stay${i}`, '')
          put(dictionary, `m${i}`, '')
        }
        const seen = new Set<string>()
        let next = dictionary.count
        for (let round = 0; next > 0; round++) {
          next = Math.min(next, dictionary.count)
          for (let i = 0; i < 5 && next > 0; i++) seen.add(dictionary.memberOf(--next, window).toString())
          for (const { remove: gone, member } of rounds[round] ?? []) {
            if (gone) remove(dictionary, `m${member}`)
            else put(dictionary, `m${member}`, '')
          }
        }
        for (const member of stays) expect(seen).toContain(member)
      }),
      { numRuns: 50 },
    )
  })

  it('is freed in slices', () => {
    const arena = new Arena()
    const dictionary = new Dictionary(arena, HASH_KEY)
    for (let i = 0; i < 2500; i++) dictionary.insert(Bytes.from(`m${i}`))
    const slices = []
    while (!dictionary.freeSome(1000)) slices.push(dictionary.count)
    expect(slices).toEqual([1500, 500])
    expect(arena.usedBytes).toBe(0)
  })
})
