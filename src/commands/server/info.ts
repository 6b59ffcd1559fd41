// INFO: the state of the server, for people and for clients that look at a few of its fields.

import type { Call } from '../../engine/call.ts'
import { defineCommand } from '../../engine/command.ts'
import type { Engine } from '../../engine/engine.ts'
import { engineOf } from '../../engine/engine.ts'
import { InfoSections, NOT_BY_DEFAULT, SECTIONS, type Section } from './info-sections.ts'

const sectionsOf = new WeakMap<Engine, InfoSections>()

/** Returns what INFO keeps for an engine. */
export function infoSections(engine: Engine): InfoSections {
  let sections = sectionsOf.get(engine)
  if (sections === undefined) {
    sections = new InfoSections(engine)
    sectionsOf.set(engine, sections)
  }
  return sections
}

const ALL: ReadonlySet<Section> = new Set(SECTIONS)
const DEFAULT: ReadonlySet<Section> = new Set(SECTIONS.filter((section) => !NOT_BY_DEFAULT.includes(section)))

export const info = defineCommand({
  name: 'INFO',
  summary: 'Returns the state of the server and its counters.',
  group: 'server',
  since: '1.0.0',
  complexity: 'O(1)',
  acl: ['dangerous'],
  arity: -1,
  flags: ['loading', 'stale'],
  args: [{ name: 'section', type: 'string', optional: true, multiple: true }],
  tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
  reply: 'verbatim text: lines of field:value under # headings',
  history: [['7.0.0', 'Accepts several sections.']],
  run(call) {
    const wanted = wantedSections(call)
    const sections = infoSections(engineOf(call))
    let text = ''
    for (const section of wanted === ALL || wanted === DEFAULT ? wanted : SECTIONS) {
      if (!wanted.has(section)) continue
      if (text !== '') text += '\r\n'
      text += sections.text(section)
    }
    call.reply.verbatim(text)
  },
})

/** The sections asked for; names that mean nothing are ignored. */
function wantedSections({ args }: Call): ReadonlySet<Section> {
  if (args.length === 1) return DEFAULT
  const wanted = new Set<Section>()
  for (let i = 1; i < args.length; i++) {
    const word = args.string(i).toLowerCase()
    if (word === 'all' || word === 'everything') return ALL
    if (word === 'default') for (const section of DEFAULT) wanted.add(section)
    const section = SECTIONS.find((name) => name === word)
    if (section !== undefined) wanted.add(section)
  }
  return wanted
}
