// LOLWUT: a small picture, and the version below it.
//
// A pond at rest: a few drops have fallen, and their rings cross. Every drop is
// chance, so no two answers are alike. `LOLWUT [VERSION n [columns [rows]]]`
// takes Redis's words; there is one picture for every version.

import { REDIS_VERSION, RESPITE_VERSION } from '../../config/version.ts'
import type { Random } from '../../util/numbers/random.ts'
import { defineCommand } from '../define-command.ts'

const COLUMNS = 66
const ROWS = 16
/** Redis bounds its pictures too: one command must not draw for seconds. */
const COLUMNS_MAX = 200
const ROWS_MAX = 100
const DROPS = 3
/** From still water to a crest. */
const SHADES = ' .·-~=≈'

export const lolwut = defineCommand({
  name: 'LOLWUT',
  summary: 'Draws a picture and tells the version.',
  group: 'server',
  since: '5.0.0',
  complexity: 'O(N) with N characters drawn',
  arity: -1,
  flags: ['readonly', 'fast'],
  args: [{ name: 'version', type: 'integer', token: 'VERSION', optional: true }],
  reply: 'verbatim text: the picture and the version',
  run(call) {
    const { args } = call
    let columns = COLUMNS
    let rows = ROWS
    if (args.length >= 3 && args.equalsIgnoreCase(1, 'VERSION')) {
      call.integer(2)
      if (args.length > 3) columns = bounded(call.integer(3), COLUMNS_MAX)
      if (args.length > 4) rows = bounded(call.integer(4), ROWS_MAX)
    }
    const picture = drawPond(call.engine.environment.random, columns, rows)
    // Shades are UTF-8; inside the engine text is latin1, a character a byte.
    const text = Buffer.from(picture, 'utf8').toString('latin1')
    call.reply.verbatim(`${text}\nRespite ${RESPITE_VERSION}, at rest. Redis ver. ${REDIS_VERSION}\n`)
  },
})

function bounded(value: number, max: number): number {
  return Math.min(Math.max(value, 1), max)
}

function drawPond(random: Random, columns: number, rows: number): string {
  const drops = Array.from({ length: DROPS }, () => ({
    x: random.below(columns),
    y: random.below(rows),
    wave: 2 + random.below(4),
    age: random.below(6),
  }))
  let picture = ''
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      let height = 0
      for (const drop of drops) {
        // A character is about twice as high as it is wide.
        const distance = Math.hypot(x - drop.x, 2 * (y - drop.y))
        height += Math.cos(distance / drop.wave - drop.age) / (1 + distance / 12)
      }
      const shade = Math.floor(((height + 1) / 2) * SHADES.length)
      picture += SHADES[Math.min(Math.max(shade, 0), SHADES.length - 1)]
    }
    picture += '\n'
  }
  return picture
}
