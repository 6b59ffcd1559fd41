// GEODIST: the distance between two members.

import { ERR } from '../../protocol/errors.ts'
import { distanceBetween } from '../../store/derived/geo-area.ts'
import { type Place, placeOfScore } from '../../store/derived/geohash.ts'
import { SortedSet } from '../../store/sorted-set/sorted-set.ts'
import { defineCommand } from '../define-command.ts'
import { readUnit, replyDistance, unitArgs } from './place-arguments.ts'

const from: Place = { longitude: 0, latitude: 0 }
const to: Place = { longitude: 0, latitude: 0 }

export const geodist = defineCommand({
  name: 'GEODIST',
  summary: 'Returns the distance between two members.',
  group: 'geo',
  since: '3.2.0',
  complexity: 'O(1)',
  arity: -4,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'member1', type: 'string' },
    { name: 'member2', type: 'string' },
    { ...unitArgs, optional: true },
  ],
  reply: 'bulk string: the distance; nil when a member is missing',
  run(call) {
    const { args, reply } = call
    if (args.length > 5) throw ERR.syntax
    const metres = args.length === 5 ? readUnit(call, 4) : 1
    const set = call.db.getForRead(call.key(1), SortedSet)
    const score1 = set?.score(args.bytes(2))
    const score2 = set?.score(args.bytes(3))
    if (score1 === undefined || score2 === undefined) return reply.nil()
    placeOfScore(score1, from)
    placeOfScore(score2, to)
    replyDistance(reply, distanceBetween(from.longitude, from.latitude, to.longitude, to.latitude) / metres)
  },
})
