// INFO: the state of the server, for people, and for clients that read a few fields.

import type { Call, Engine } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { InfoFigures } from './info-figures.ts'
import { DEBUG, HTTP, INFO_SECTIONS, type InfoSection, KEY_SIZES, printSection } from './info-table.ts'
import { countKeySizes, type KeySizes } from './key-sizes.ts'

const figuresOf = new WeakMap<Engine, InfoFigures>()

/** Returns the figures that INFO keeps for an engine. */
export function infoFigures(engine: Engine): InfoFigures {
  let figures = figuresOf.get(engine)
  if (figures === undefined) {
    figures = new InfoFigures(engine)
    figuresOf.set(engine, figures)
  }
  return figures
}

const ALL: ReadonlySet<InfoSection> = new Set(
  [...INFO_SECTIONS.values()].filter((section) => section !== KEY_SIZES && section !== DEBUG && section !== HTTP),
)
const DEFAULT: ReadonlySet<InfoSection> = new Set([...ALL].filter(({ isExtra }) => isExtra === undefined))

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
    const engine = call.engine
    const wanted = wantedSections(call)
    const figures = infoFigures(engine)
    if (wanted.has(KEY_SIZES)) {
      if (call.mayBlock) {
        // Keys are counted in later turns. Until then only this client waits.
        call.whenDone<KeySizes>(
          (done) => figures.keySizesCounter.ask(call.client, done),
          (reply, sizes) => {
            figures.keySizes = sizes
            reply.verbatim(describeServer(engine, wanted))
          },
        )
        return
      }
      figures.keySizes = countKeySizes(engine)
    }
    call.reply.verbatim(describeServer(engine, wanted))
  },
})

/** Prints sections, in INFO's order. */
export function describeServer(engine: Engine, wanted: ReadonlySet<InfoSection> = DEFAULT): string {
  const figures = infoFigures(engine)
  return [...INFO_SECTIONS.values()]
    .filter((section) => wanted.has(section))
    .map((section) => printSection(section, figures))
    .join('\r\n')
}

/** The requested sections; unknown names are ignored. */
function wantedSections({ args }: Call): ReadonlySet<InfoSection> {
  if (args.length === 1) return DEFAULT
  const wanted = new Set<InfoSection>()
  for (let i = 1; i < args.length; i++) {
    const word = args.string(i).toLowerCase()
    if (word === 'all' || word === 'everything') return ALL
    if (word === 'default') for (const section of DEFAULT) wanted.add(section)
    const section = INFO_SECTIONS.get(word)
    if (section !== undefined) wanted.add(section)
  }
  return wanted
}
