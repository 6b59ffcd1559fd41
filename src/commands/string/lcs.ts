// LCS: the longest common subsequence of two strings.
//
// A table with the lengths for all pairs of prefixes is filled once: (n + 1) × (m + 1) cells of 32
// bits. The way back from its last cell gives the sequence, and the ranges in which both strings
// match.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { TYPE_STRING } from '../../store/structures/value.ts'
import { numberAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

/** A stretch common to both strings: inclusive positions in each. */
interface Match {
  aFirst: number
  aLast: number
  bFirst: number
  bLast: number
}

const empty = new Bytes()

function stringOrEmpty(call: Call, entry: number): Bytes {
  if (entry === NONE) return empty
  if (call.db.typeOf(entry) !== TYPE_STRING) throw ERR.lcsNotStrings
  return call.db.strings.read(entry, new Bytes())
}

/**
 * Returns lengths[i × (m + 1) + j]: the longest common subsequence of the first i bytes of `a` and
 * the first j of `b`.
 */
function fillLengths(a: Bytes, b: Bytes): Uint32Array {
  const width = b.length + 1
  const lengths = new Uint32Array((a.length + 1) * width)
  for (let i = 1; i <= a.length; i++) {
    const byte = a.at(i - 1)
    for (let j = 1; j <= b.length; j++) {
      const at = i * width + j
      if (b.at(j - 1) === byte) lengths[at] = numberAt(lengths, at - width - 1) + 1
      else lengths[at] = Math.max(numberAt(lengths, at - width), numberAt(lengths, at - 1))
    }
  }
  return lengths
}

/** Walks back from the end; fills `sequence` and returns the matches, the last first. */
function walkBack(a: Bytes, b: Bytes, lengths: Uint32Array, sequence: Buffer): Match[] {
  const width = b.length + 1
  const matches: Match[] = []
  let open: Match | undefined
  let i = a.length
  let j = b.length
  let left = sequence.length
  while (i > 0 && j > 0) {
    if (a.at(i - 1) === b.at(j - 1)) {
      i--
      j--
      sequence[--left] = a.at(i)
      if (open !== undefined && open.aFirst === i + 1 && open.bFirst === j + 1) {
        open.aFirst = i
        open.bFirst = j
      } else {
        open = { aFirst: i, aLast: i, bFirst: j, bLast: j }
        matches.push(open)
      }
    } else {
      open = undefined
      if (numberAt(lengths, (i - 1) * width + j) > numberAt(lengths, i * width + j - 1)) i--
      else j--
    }
  }
  return matches
}

export const lcs = defineCommand({
  name: 'LCS',
  summary: 'Finds the longest common subsequence of two strings.',
  group: 'string',
  since: '7.0.0',
  complexity: 'O(n * m), n and m being the lengths of the strings.',
  arity: -3,
  flags: ['readonly'],
  keys: [{ first: 1, last: 2, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key1', type: 'key' },
    { name: 'key2', type: 'key' },
    { name: 'len', type: 'pure-token', token: 'LEN', optional: true },
    { name: 'idx', type: 'pure-token', token: 'IDX', optional: true },
    { name: 'min-match-len', type: 'integer', token: 'MINMATCHLEN', optional: true },
    { name: 'withmatchlen', type: 'pure-token', token: 'WITHMATCHLEN', optional: true },
  ],
  reply: 'bulk string: the sequence; with LEN its length; with IDX a map of matches and length',
  run(call) {
    // Both keys are looked up before a wrong type is reported: each may count as a miss.
    const first = call.db.findForRead(call.key(1))
    const second = call.db.findForRead(call.key(2))
    const a = stringOrEmpty(call, first)
    const b = stringOrEmpty(call, second)
    let wantsLength = false
    let wantsMatches = false
    let withLengths = false
    let lengthMin: number | bigint = 0
    const options = call.options(3)
    while (options.next()) {
      if (options.is('IDX')) wantsMatches = true
      else if (options.is('LEN')) wantsLength = true
      else if (options.is('WITHMATCHLEN')) withLengths = true
      else if (options.is('MINMATCHLEN')) {
        options.bytes()
        lengthMin = call.args.integer(options.index)
      } else throw ERR.syntax
    }
    if (wantsLength && wantsMatches) throw ERR.lcsLengthAndMatches
    if (4 * (a.length + 1) * (b.length + 1) > call.stringBytesMax) throw ERR.lcsTooLarge

    const { reply } = call
    const lengths = fillLengths(a, b)
    const length = numberAt(lengths, lengths.length - 1)
    if (wantsLength) return reply.integer(length)
    const sequence = Buffer.alloc(length)
    const matches = walkBack(a, b, lengths, sequence)
    if (!wantsMatches) return reply.bulk(Bytes.over(sequence))

    const wanted = matches.filter((match) => match.aLast - match.aFirst + 1 >= lengthMin)
    reply.map(2)
    reply.text('matches')
    reply.array(wanted.length)
    for (const { aFirst, aLast, bFirst, bLast } of wanted) {
      reply.array(withLengths ? 3 : 2)
      reply.array(2)
      reply.integer(aFirst)
      reply.integer(aLast)
      reply.array(2)
      reply.integer(bFirst)
      reply.integer(bLast)
      if (withLengths) reply.integer(aLast - aFirst + 1)
    }
    reply.text('len')
    reply.integer(length)
  },
})
