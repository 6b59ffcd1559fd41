// PFSELFTEST: checks that registers keep their values and that estimates are as exact as promised.

import { ReplyError } from '../../protocol/errors.ts'
import {
  emptyHyperLogLog,
  estimate,
  placeOf,
  REGISTERS,
  registerOf,
  setDense,
  toDense,
} from '../../store/derived/hyperloglog.ts'
import { Bytes, Source } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'

/**
 * The number of added elements, which takes a few milliseconds. Estimates are checked at each power
 * of ten.
 */
const ELEMENTS = 100_000
/**
 * The standard error of an estimate is 1.04 / √16384. A sound implementation never errs by four of
 * them.
 */
const ERROR_MAX = (4 * 1.04) / Math.sqrt(REGISTERS)

export const pfselftest = defineCommand({
  name: 'PFSELFTEST',
  summary: 'Checks the HyperLogLog implementation, for tests.',
  group: 'hyperloglog',
  docFlags: ['syscmd'],
  since: '2.8.9',
  complexity: 'N/A',
  arity: 1,
  flags: ['admin'],
  reply: 'OK, or an error that says what is wrong',
  run(call) {
    const dense = toDense(emptyHyperLogLog())!.copy()
    for (let i = 0; i < REGISTERS; i++) setDense(dense, i, 1 + ((i * 31) % 51))
    for (let i = 0; i < REGISTERS; i++) {
      const expected = 1 + ((i * 31) % 51)
      if (registerOf(dense, i) !== expected) {
        throw new ReplyError(`TESTFAILED Register ${i} should be ${expected} but is ${registerOf(dense, i)}`)
      }
    }

    const counted = toDense(emptyHyperLogLog())!.copy()
    const element = new Bytes(Source.allocate(8), 0, 8)
    let checkpoint = 1
    for (let i = 1; i <= ELEMENTS; i++) {
      element.source.view.setInt32(0, Math.imul(i, 0x9e3779b1))
      element.source.view.setInt32(4, i)
      const place = placeOf(element)
      setDense(counted, place % REGISTERS, Math.floor(place / REGISTERS))
      if (i !== checkpoint) continue
      checkpoint *= 10
      const estimated = estimate(counted)!
      if (Math.abs(estimated - i) > Math.max(1, ERROR_MAX * i)) {
        throw new ReplyError(`TESTFAILED Too big error. card:${i} estimated:${estimated}`)
      }
    }
    call.reply.ok()
  },
})
