// GEORADIUS, GEORADIUSBYMEMBER and their _RO forms: members within a circle, in the syntax from
// before GEOSEARCH.

import type { ArgSpec } from '../../engine/spec/command.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { unitArgs } from './place-arguments.ts'
import { search } from './search.ts'

/** ANY. Redis tells its version for this one command only. */
const any: ArgSpec = { name: 'any', type: 'pure-token', token: 'ANY', optional: true }

const options = (anyOption: ArgSpec): readonly ArgSpec[] => [
  { name: 'withcoord', type: 'pure-token', token: 'WITHCOORD', optional: true },
  { name: 'withdist', type: 'pure-token', token: 'WITHDIST', optional: true },
  { name: 'withhash', type: 'pure-token', token: 'WITHHASH', optional: true },
  {
    name: 'count-block',
    type: 'block',
    optional: true,
    args: [{ name: 'count', type: 'integer', token: 'COUNT' }, anyOption],
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
]

const store: ArgSpec = {
  name: 'store',
  type: 'oneof',
  optional: true,
  args: [
    { name: 'storekey', type: 'key', shown: 'key', token: 'STORE' },
    { name: 'storedistkey', type: 'key', shown: 'key', token: 'STOREDIST' },
  ],
}

const byPlace: readonly ArgSpec[] = [
  { name: 'key', type: 'key' },
  { name: 'longitude', type: 'double' },
  { name: 'latitude', type: 'double' },
  { name: 'radius', type: 'double' },
  unitArgs,
  ...options({ ...any, since: '6.2.0' }),
]

const byMember: readonly ArgSpec[] = [
  { name: 'key', type: 'key' },
  { name: 'member', type: 'string' },
  { name: 'radius', type: 'double' },
  unitArgs,
  ...options(any),
]

const common = {
  group: 'geo',
  complexity: 'O(N+log(M)) where N is the number of members in the cells around the circle and M that of all members.',
  reply: 'array: the members, with what the options add to each; with `STORE` or `STOREDIST` how many were stored',
} as const satisfies Partial<CommandSpec>

const readOnly = {
  ...common,
  since: '3.2.10',
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  reply: 'array: the members, with what the options add to each',
} as const satisfies Partial<CommandSpec>

export const georadius = defineCommand({
  ...common,
  name: 'GEORADIUS',
  summary: 'Finds the members within a circle around a place.',
  since: '3.2.0',
  arity: -6,
  flags: ['write', 'denyoom', 'movablekeys'],
  keys: [
    { first: 1, last: 1, step: 1, access: 'RO', use: 'access' },
    { keyword: { word: 'STORE', from: 6, last: 0, step: 1 }, access: 'OW', use: 'update' },
    { keyword: { word: 'STOREDIST', from: 6, last: 0, step: 1 }, access: 'OW', use: 'update' },
  ],
  args: [...byPlace, store],
  history: [
    ['6.2.0', '`COUNT` takes `ANY`.'],
    ['7.0.0', 'Units may be in upper case.'],
  ],
  deprecated: { since: '6.2.0', instead: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument' },
  run: (call) => search(call, 'georadius', true),
})

export const georadiusRo = defineCommand({
  ...readOnly,
  name: 'GEORADIUS_RO',
  summary: 'Finds the members within a circle around a place, without storing them.',
  arity: -6,
  args: byPlace,
  history: [['6.2.0', '`COUNT` takes `ANY`.']],
  deprecated: { since: '6.2.0', instead: '`GEOSEARCH` with the `BYRADIUS` argument' },
  run: (call) => search(call, 'georadius', false),
})

export const georadiusbymember = defineCommand({
  ...common,
  name: 'GEORADIUSBYMEMBER',
  summary: 'Finds the members within a circle around one of them.',
  since: '3.2.0',
  arity: -5,
  flags: ['write', 'denyoom', 'movablekeys'],
  keys: [
    { first: 1, last: 1, step: 1, access: 'RO', use: 'access' },
    { keyword: { word: 'STORE', from: 5, last: 0, step: 1 }, access: 'OW', use: 'update' },
    { keyword: { word: 'STOREDIST', from: 5, last: 0, step: 1 }, access: 'OW', use: 'update' },
  ],
  args: [...byMember, store],
  history: [['7.0.0', 'Units may be in upper case.']],
  deprecated: {
    since: '6.2.0',
    instead: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments',
  },
  run: (call) => search(call, 'georadiusbymember', true),
})

export const georadiusbymemberRo = defineCommand({
  ...readOnly,
  name: 'GEORADIUSBYMEMBER_RO',
  summary: 'Finds the members within a circle around one of them, without storing them.',
  arity: -5,
  args: byMember,
  deprecated: { since: '6.2.0', instead: '`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments' },
  run: (call) => search(call, 'georadiusbymember', false),
})
