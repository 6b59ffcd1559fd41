// Numbers as text, in and out, beside redis-server: long doubles of INCRBYFLOAT, doubles of scores, distances that are stored.

import { describe, expect, test } from 'vitest'
import { formatDouble, formatDouble17 } from '../../src/util/numbers/numbers.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { redisServerMissing } from '../support/redis-server.ts'
import { type Answered, askBoth, type Words } from './batches.ts'
import { usePeers } from './use-peers.ts'

const NUMBERS = process.env.SOAK ? 2_000_000 : 20_000
const BATCH_COMMANDS = 200

const ODD_NUMBERS = [
  'inf', '-inf', '+inf', 'Infinity', '-INFINITY', 'nan', '-nan', 'NaN', 'nan(123)', 'infi', 'in', '0x', '.', '-', '+', '-0', '0', '+0', '-0.0', '1e', '1e+',
  'e5', '', '.e5', '0x.p1', '1 ', ' 1', '\t1', '\n2', '1\n', '1\0', '\0', '1x', '1,5', '1_000', '--1', '+-1', '1e400', '-1e400', '1e-400', '4.9e-324', '2e-324',
  '1.7976931348623157e308', '1.7976931348623159e308', '0x1p-1074', '0x1p-1075', '9223372036854775807', '9223372036854775808', '18446744073709551616', '(1', '[1',
  '1d', '1f', '0b1', '0o7', '1e5000', '1e-5000', '3.4e4932', '1.2e4932',
] // biome-ignore format: a table

const pick = <T>(random: Random, choices: readonly T[]): T => choices[random.below(choices.length)]!
const unit = (random: Random): number => random.below(2 ** 31) / 2 ** 31

function digits(random: Random, count: number): string {
  let text = ''
  for (let i = 0; i < count; i++) text += random.below(10)
  return text
}

const bits = new DataView(new ArrayBuffer(8))

/** Any double there is, of any size. */
function anyDouble(random: Random): number {
  bits.setUint32(0, random.below(2 ** 32))
  bits.setUint32(4, random.below(2 ** 32))
  return bits.getFloat64(0)
}

function numberText(random: Random): string {
  const sign = () => pick(random, ['', '-', '+'])
  const some = (most: number) => digits(random, random.below(most))
  switch (random.below(16)) {
    case 0:
      return String(anyDouble(random))
    case 1:
      return anyDouble(random).toExponential()
    case 2:
      return String(random.below(2000) - 1000)
    case 3:
      return (unit(random) * 1000 - 500).toFixed(random.below(20))
    case 4:
      return `${sign()}${some(25)}.${some(25)}`
    case 5:
      return `${sign()}${digits(random, 1 + random.below(4))}${pick(random, ['e', 'E'])}${sign()}${digits(random, 1 + random.below(3))}`
    case 6: {
      const fraction = pick(random, ['', `.${random.below(1e6).toString(16)}`])
      const exponent = pick(random, ['', 'p3', 'p-5', 'P+2', 'p', 'p1025', 'p-1080'])
      return `${sign()}0${pick(random, ['x', 'X'])}${random.below(1e9).toString(16)}${fraction}${exponent}`
    }
    case 7:
      return pick(random, ODD_NUMBERS)
    case 8:
      return String(random.below(2 ** 31) * 2 ** 21 + random.below(2 ** 21))
    case 9:
      return digits(random, 17 + random.below(4))
    case 10:
      return `0.${'0'.repeat(random.below(10))}${digits(random, 1 + random.below(18))}`
    case 11:
      return String(random.below(1e6) / 100)
    case 12:
      return `${digits(random, 1 + random.below(30))}e-${random.below(40)}`
    case 13:
      return `${pick(random, [' ', '\t', '\v', '\f', '\r', ''])}${unit(random) * 10}${pick(random, [' ', '', '\0', 'a'])}`
    case 14:
      return String(Math.fround(anyDouble(random)))
    default:
      return `${pick(random, ['', '-'])}${'9'.repeat(1 + random.below(22))}${pick(random, ['', `.${'9'.repeat(random.below(20))}`, '.5'])}`
  }
}

function longDoubleCommands(random: Random): Words[] {
  const [a, b] = [numberText(random), numberText(random)]
  switch (random.below(6)) {
    case 0:
      return [['INCRBYFLOAT', `s${random.below(3)}`, a]]
    case 1:
      return [['SET', `s${random.below(3)}`, a]]
    case 2:
      return [['HINCRBYFLOAT', 'h', random.below(3), a]]
    case 3:
      return [
        ['SET', 't', a],
        ['INCRBYFLOAT', 't', b],
        ['GET', 't'],
      ]
    case 4:
      return [
        ['HSET', 'u', 'f', a],
        ['HINCRBYFLOAT', 'u', 'f', b],
        ['HGET', 'u', 'f'],
      ]
    default:
      return [
        ['INCRBYFLOAT', 'fresh', a],
        ['DEL', 'fresh', 's0', 'h'],
      ]
  }
}

function scoreCommands(random: Random): Words[] {
  const [a, b, c] = [numberText(random), numberText(random), numberText(random)]
  const ends = [`${pick(random, ['', '('])}${a}`, `${pick(random, ['', '('])}${b}`]
  switch (random.below(7)) {
    case 0:
      return [['ZADD', 'z', a, `m${random.below(3)}`]]
    case 1:
      return [
        ['ZADD', 'z', 'CH', a, 'm'],
        ['ZSCORE', 'z', 'm'],
      ]
    case 2:
      return [['ZINCRBY', 'z', a, `m${random.below(3)}`]]
    case 3:
      return [['ZADD', 'z', 'INCR', a, `m${random.below(3)}`]]
    case 4:
      return [['ZRANGEBYSCORE', 'z', ...ends]]
    case 5:
      return [['ZCOUNT', 'z', ...ends]]
    default:
      return [
        ['DEL', 'z'],
        ['ZADD', 'z', a, 'a', b, 'b'],
        ['ZUNION', 1, 'z', 'WEIGHTS', c, 'WITHSCORES'],
      ]
  }
}

const DOUBLES = /(?<=,|\$\d+\r\n)-?(?:\d[\d.]*(?:e[-+]?\d+)?|inf)(?=\r\n)/g

/** A reply of 7.0, whose doubles have 17 digits, with those of 7.2: the fewest that read back the same. */
function withFewestDigits(reply: string): string {
  return reply
    .replace(DOUBLES, (text) => (formatDouble17(Number(text)) === text ? formatDouble(Number(text)) : text))
    .replace(/\$\d+\r\n(.*)\r\n/g, (_, text: string) => `$${text.length}\r\n${text}\r\n`)
}

describe.skipIf(redisServerMissing())('here and at redis-server', () => {
  const peers = usePeers()

  async function compareMany(
    seed: number,
    make: (random: Random) => Words[],
    isSame: (answered: Answered) => boolean,
    protocol = 2,
  ): Promise<void> {
    await peers.ours.reset(1)
    await peers.theirs.reset(1)
    const random = new Random(seed)
    await askBoth(peers.ours, peers.theirs, [['HELLO', protocol]])
    for (let sent = 0; sent < NUMBERS / 2; ) {
      const commands: Words[] = []
      while (commands.length < BATCH_COMMANDS) commands.push(...make(random))
      for (const answered of await askBoth(peers.ours, peers.theirs, commands)) {
        if (!isSame(answered)) expect(answered).toEqual({ ...answered, ours: answered.theirs })
      }
      sent += commands.length
    }
  }

  test('INCRBYFLOAT and HINCRBYFLOAT read, add and print alike', { timeout: 600_000 }, () =>
    compareMany(1, longDoubleCommands, ({ ours, theirs }) => ours === theirs),
  )

  test.each([2, 3])('scores are read, added, weighed and compared alike (RESP%i)', { timeout: 600_000 }, (protocol) =>
    compareMany(
      protocol,
      scoreCommands,
      ({ ours, theirs }) => ours === theirs || ours === withFewestDigits(theirs),
      protocol,
    ),
  )

  test('distances that are stored have the same digits, but for very few last ones', async () => {
    await peers.ours.reset(1)
    await peers.theirs.reset(1)
    const random = new Random(5)
    const scores = (reply: string) =>
      new Map(
        [...reply.matchAll(/\$\d+\r\n(p\d+)\r\n\$\d+\r\n(.*?)\r\n/g)].map(([, place, text]) => [place, Number(text)]),
      )
    let places = 0
    let different = 0
    for (let round = 0; round < 50; round++) {
      const [longitude, latitude] = [unit(random) * 360 - 180, unit(random) * 160 - 80]
      const spread = [0.001, 0.1, 1, 20, 100][round % 5]!
      const near = (at: number, most: number) =>
        Math.max(-most, Math.min(most, at + (unit(random) - 0.5) * spread)).toFixed(9)
      const added: Words[] = Array.from({ length: 300 }, (_, i) => [
        'GEOADD',
        'places',
        near(longitude, 180),
        near(latitude, 85),
        `p${i}`,
      ])
      const search: Words =
        round % 2 === 0
          ? ['GEOSEARCHSTORE', 'found', 'places', 'FROMLONLAT', longitude, latitude, 'BYRADIUS', 30_000, 'km', 'STOREDIST']
          : ['GEORADIUSBYMEMBER', 'places', 'p0', 30_000_000, 'm', 'STOREDIST', 'found'] // biome-ignore format: a table
      const answers = await askBoth(peers.ours, peers.theirs, [
        ['DEL', 'places'],
        ...added,
        search,
        ['ZRANGE', 'found', 0, -1, 'WITHSCORES'],
      ])
      const found = answers.pop()!
      for (const answered of answers) expect(answered.ours).toBe(answered.theirs)
      const right = scores(found.theirs)
      for (const [place, distance] of scores(found.ours)) {
        places++
        const expected = right.get(place)!
        if (distance !== expected) different++
        expect(Math.abs(distance - expected)).toBeLessThanOrEqual(Math.abs(expected) * 2 ** -50)
      }
      expect(right.size).toBe(scores(found.ours).size)
    }
    expect(places).toBeGreaterThan(10_000)
    // C's sines are not the nearest doubles in one of a thousand cases; with Math's sines this is one of fifty.
    expect(different / places).toBeLessThan(0.005)
  })
})
