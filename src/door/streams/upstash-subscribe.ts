// /subscribe/CHANNEL/… and /psubscribe/PATTERN/…: streams of Upstash's REST protocol.

import type { Engine } from '../../commands/call.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import type { Visitor } from '../rights/visitor.ts'
import { checkName, segmentsOf } from '../routes/names.ts'
import { upstashEvents } from './event-format.ts'
import type { StreamOpening } from './stream-opening.ts'

/** Tells whether a path is one of these streams. */
export function isUpstashStream(path: string): boolean {
  return /^\/p?subscribe\/./i.test(path)
}

/** Answers with a stream. Rejects with HttpError. */
export async function answerUpstashStream(
  engine: Engine,
  exchange: Exchange,
  visitor: Visitor,
  opening: StreamOpening,
): Promise<void> {
  const [command = '', ...names] = segmentsOf(exchange.path)
  for (const name of names) checkName(name)
  // The SDK posts the command once more. It is taken off the connection.
  if (exchange.method === 'POST') await exchange.body(engine.config.get('http-max-body'))
  const kind = command.toLowerCase()
  const isPattern = kind === 'psubscribe'
  const targets = { channels: isPattern ? [] : names, patterns: isPattern ? names : [] }
  const confirmed = names.map((name, i) => `${kind},${name},${i + 1}`)
  await opening.open(exchange, visitor, {
    targets: { ...targets, name: undefined, from: undefined, encoding: 'utf8' },
    format: upstashEvents(confirmed),
    isSingle: true,
  })
}
