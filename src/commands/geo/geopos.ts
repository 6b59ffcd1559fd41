// GEOPOS, GEOHASH: where members are.

import { geohashText, type Place, placeOfScore } from '../../store/derived/geohash.ts'
import { SortedSet } from '../../store/sorted-set/sorted-set.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { replyPlace } from './place-arguments.ts'

const place: Place = { longitude: 0, latitude: 0 }

function replyPlaces(call: Call, as: 'degrees' | 'geohash'): void {
  const { args, reply } = call
  const set = call.db.getForRead(call.key(1), SortedSet)
  reply.array(args.length - 2)
  for (let i = 2; i < args.length; i++) {
    const score = set?.score(args.bytes(i))
    if (score === undefined) {
      if (as === 'degrees') reply.nilArray()
      else reply.nil()
      continue
    }
    placeOfScore(score, place)
    if (as === 'degrees') replyPlace(reply, place)
    else reply.text(geohashText(place))
  }
}

const common = {
  group: 'geo',
  since: '3.2.0',
  complexity: 'O(1) for each member asked for.',
  arity: -2,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'member', type: 'string', optional: true, multiple: true },
  ],
} as const satisfies Partial<CommandSpec>

export const geopos = defineCommand({
  ...common,
  name: 'GEOPOS',
  summary: 'Returns the longitude and latitude of members.',
  reply: 'array: longitude and latitude for each member, nil for one that is missing',
  run: (call) => replyPlaces(call, 'degrees'),
})

export const geohash = defineCommand({
  ...common,
  name: 'GEOHASH',
  summary: 'Returns the places of members as standard geohash strings.',
  reply: 'array: 11 characters for each member, nil for one that is missing',
  run: (call) => replyPlaces(call, 'geohash'),
})
