// GEOSEARCH, GEOSEARCHSTORE: members within a circle or a box around a place or a member.

import type { ArgSpec } from '../../engine/spec/command.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { unitArgs } from './place-arguments.ts'
import { search } from './search.ts'

const area: readonly ArgSpec[] = [
  {
    name: 'from',
    type: 'oneof',
    args: [
      { name: 'member', type: 'string', token: 'FROMMEMBER' },
      {
        name: 'fromlonlat',
        type: 'block',
        token: 'FROMLONLAT',
        args: [
          { name: 'longitude', type: 'double' },
          { name: 'latitude', type: 'double' },
        ],
      },
    ],
  },
  {
    name: 'by',
    type: 'oneof',
    args: [
      { name: 'circle', type: 'block', args: [{ name: 'radius', type: 'double', token: 'BYRADIUS' }, unitArgs] },
      {
        name: 'box',
        type: 'block',
        args: [{ name: 'width', type: 'double', token: 'BYBOX' }, { name: 'height', type: 'double' }, unitArgs],
      },
    ],
  },
  {
    name: 'order',
    type: 'oneof',
    optional: true,
    args: [
      { name: 'asc', type: 'pure-token', token: 'ASC' },
      { name: 'desc', type: 'pure-token', token: 'DESC' },
    ],
  },
  {
    name: 'count-block',
    type: 'block',
    optional: true,
    args: [
      { name: 'count', type: 'integer', token: 'COUNT' },
      { name: 'any', type: 'pure-token', token: 'ANY', optional: true },
    ],
  },
]

const common = {
  group: 'geo',
  since: '6.2.0',
  complexity: 'O(N+log(M)) where N is the number of members in the cells around the area and M that of all members.',
  history: [['7.0.0', 'Units may be in upper case.']],
} as const satisfies Partial<CommandSpec>

export const geosearch = defineCommand({
  ...common,
  name: 'GEOSEARCH',
  summary: 'Finds the members within a circle or a box.',
  arity: -7,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    ...area,
    { name: 'withcoord', type: 'pure-token', token: 'WITHCOORD', optional: true },
    { name: 'withdist', type: 'pure-token', token: 'WITHDIST', optional: true },
    { name: 'withhash', type: 'pure-token', token: 'WITHHASH', optional: true },
  ],
  reply: 'array: the members, with what the options add to each',
  run: (call) => search(call, 'geosearch', false),
})

export const geosearchstore = defineCommand({
  ...common,
  name: 'GEOSEARCHSTORE',
  summary: 'Stores the members within a circle or a box.',
  arity: -8,
  flags: ['write', 'denyoom'],
  keys: [
    { first: 1, last: 1, step: 1, access: 'OW', use: 'update' },
    { first: 2, last: 2, step: 1, access: 'RO', use: 'access' },
  ],
  args: [
    { name: 'destination', type: 'key' },
    { name: 'source', type: 'key' },
    ...area,
    { name: 'storedist', type: 'pure-token', token: 'STOREDIST', optional: true },
  ],
  reply: 'integer: how many members were stored',
  run: (call) => search(call, 'geosearchstore', true),
})
