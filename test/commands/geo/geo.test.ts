import { beforeEach, describe, expect, test } from 'vitest'
import { Random } from '../../../src/util/numbers/random.ts'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'

let server: TestEngine
let client: TestClient

beforeEach(() => {
  server = createEngine({ 'notify-keyspace-events': 'KEA' })
  client = server.connect()
  client.ask('GEOADD', 'Sicily', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania')
  server.journal.take()
})

/** A reply's words, without lengths and line ends. */
const words = (reply: string): string[] => reply.split('\r\n').filter((line) => line !== '' && !/^[*$]/.test(line))

describe('GEOADD', () => {
  test('is journaled as the ZADD that it is', () => {
    expect(client.ask('GEOADD', 'g', 'NX', 'CH', 13.361389, 38.115556, 'a', 180, 85.05112878, 'b')).toBe(':2\r\n')
    expect(server.journal.take()).toEqual(['0 ZADD g NX CH 3479099956230698 a 13510798882111488 b'])
    expect(client.ask('ZSCORE', 'g', 'a')).toBe('$16\r\n3479099956230698\r\n')
    expect(client.ask('GEOADD', 'g', 'XX', 1, 2, 'a', 3, 4, 'new')).toBe(':0\r\n')
    expect(client.ask('GEOADD', 'g', 'CH', 3, 4, 'a')).toBe(':1\r\n')
    expect(client.ask('GEOADD', 'new', 'XX', 3, 4, 'a')).toBe(':0\r\n')
    expect(client.ask('EXISTS', 'new')).toBe(':0\r\n')
  })

  test('refuses places off the map, and adds nothing then', () => {
    const ask = (...place: string[]) => client.ask('GEOADD', 'g', '1', '1', 'good', ...place)
    expect(ask('181', '2', 'm')).toBe('-ERR invalid longitude,latitude pair 181.000000,2.000000\r\n')
    expect(ask('-0', '86', 'm')).toBe('-ERR invalid longitude,latitude pair -0.000000,86.000000\r\n')
    // C rounds to even: 180.0078125 lies in the middle.
    expect(ask('180.0078125', '0', 'm')).toBe('-ERR invalid longitude,latitude pair 180.007812,0.000000\r\n')
    expect(ask('inf', '0', 'm')).toBe('-ERR invalid longitude,latitude pair inf,0.000000\r\n')
    expect(ask('1e22', '0', 'm')).toBe(
      '-ERR invalid longitude,latitude pair 10000000000000000000000.000000,0.000000\r\n',
    )
    expect(ask('x', '0', 'm')).toBe('-ERR value is not a valid float\r\n')
    expect(ask('1', '0')).toBe('-ERR syntax error\r\n')
    expect(client.ask('GEOADD', 'g', 'NX', 'XX', '1', '0', 'm')).toBe('-ERR syntax error\r\n')
    expect(client.ask('GEOADD', 'g', 'NX', 'CH', 'CH')).toBe('-ERR syntax error\r\n')
    expect(client.ask('EXISTS', 'g')).toBe(':0\r\n')
  })
})

describe('GEOPOS, GEOHASH and GEODIST', () => {
  test('print what redis-server prints', () => {
    expect(words(client.ask('GEOPOS', 'Sicily', 'Palermo', 'Catania'))).toEqual([
      '13.36138933897018433',
      '38.11555639549629859',
      '15.08726745843887329',
      '37.50266842333162032',
    ])
    expect(words(client.ask('GEOHASH', 'Sicily', 'Palermo', 'Catania'))).toEqual(['sqc8b49rny0', 'sqdtr74hyu0'])
    expect(client.ask('GEODIST', 'Sicily', 'Palermo', 'Catania')).toBe('$11\r\n166274.1516\r\n')
    expect(client.ask('GEODIST', 'Sicily', 'Palermo', 'Catania', 'km')).toBe('$8\r\n166.2742\r\n')
    expect(client.ask('GEODIST', 'Sicily', 'Palermo', 'Catania', 'MI')).toBe('$8\r\n103.3182\r\n')
    expect(client.ask('GEODIST', 'Sicily', 'Palermo', 'Palermo')).toBe('$6\r\n0.0000\r\n')
    const client3 = server.connect(3)
    expect(client3.ask('GEOPOS', 'Sicily', 'Palermo', 'absent')).toBe(
      '*2\r\n*2\r\n,13.36138933897018433\r\n,38.11555639549629859\r\n_\r\n',
    )
    expect(client3.ask('GEODIST', 'Sicily', 'Palermo', 'Catania')).toBe('$11\r\n166274.1516\r\n')
  })

  test('know what is missing', () => {
    expect(client.ask('GEOPOS', 'Sicily', 'absent')).toBe('*1\r\n*-1\r\n')
    expect(client.ask('GEOHASH', 'Sicily', 'absent')).toBe('*1\r\n$-1\r\n')
    expect(client.ask('GEOPOS', 'absent', 'a', 'b')).toBe('*2\r\n*-1\r\n*-1\r\n')
    expect(client.ask('GEOPOS', 'Sicily')).toBe('*0\r\n')
    expect(client.ask('GEODIST', 'Sicily', 'Palermo', 'absent')).toBe('$-1\r\n')
    expect(client.ask('GEODIST', 'absent', 'a', 'b', 'yd')).toBe(
      '-ERR unsupported unit provided. please use M, KM, FT, MI\r\n',
    )
    expect(client.ask('GEODIST', 'Sicily', 'a', 'b', 'km', 'km')).toBe('-ERR syntax error\r\n')
    client.ask('SET', 's', 'x')
    expect(client.ask('GEOPOS', 's', 'a')).toMatch(/^-WRONGTYPE /)
  })
})

describe('GEOSEARCH and GEORADIUS', () => {
  test('give a score with a fraction, which ZADD may make, as the whole number that C makes of it', () => {
    client.ask('ZADD', 'Sicily', '3479099956230698.5', 'between')
    const around = ['GEOSEARCH', 'Sicily', 'FROMMEMBER', 'Palermo', 'BYRADIUS', 1, 'km', 'WITHHASH']
    expect(words(client.ask(...around))).toEqual(['Palermo', ':3479099956230698', 'between', ':3479099956230698'])
  })

  test('find what is within, with what the options add', () => {
    client.ask('GEOADD', 'Sicily', 12.758489, 38.788135, 'edge1', 17.24151, 38.788135, 'edge2')
    expect(client.ask('GEOSEARCH', 'Sicily', 'FROMLONLAT', 15, 37, 'BYRADIUS', 200, 'km', 'ASC')).toBe(
      '*2\r\n$7\r\nCatania\r\n$7\r\nPalermo\r\n',
    )
    const box = ['GEOSEARCH', 'Sicily', 'FROMLONLAT', 15, 37, 'BYBOX', 400, 400, 'km', 'DESC', 'WITHDIST']
    expect(words(client.ask(...box))).toEqual(
      ['edge1', '279.7405', 'edge2', '279.7403', 'Palermo', '190.4424', 'Catania', '56.4413'],
    ) // biome-ignore format: pairs
    const all = ['GEORADIUS', 'Sicily', 15, 37, 200, 'km', 'WITHDIST', 'WITHCOORD', 'WITHHASH', 'DESC', 'COUNT', 1]
    const palermo = '$7\r\nPalermo\r\n$8\r\n190.4424\r\n:3479099956230698\r\n'
    expect(client.ask(...all)).toBe(
      `*1\r\n*4\r\n${palermo}*2\r\n$20\r\n13.36138933897018433\r\n$20\r\n38.11555639549629859\r\n`,
    )
    expect(server.connect(3).ask(...all)).toBe(
      `*1\r\n*4\r\n${palermo}*2\r\n,13.36138933897018433\r\n,38.11555639549629859\r\n`,
    )
    expect(words(client.ask('GEORADIUSBYMEMBER_RO', 'Sicily', 'Palermo', 200, 'km', 'COUNT', 1))).toEqual(['Palermo'])
    expect(words(client.ask('GEORADIUS_RO', 'Sicily', 15, 37, 200, 'km', 'COUNT', 1, 'ANY'))).toEqual(['Palermo'])
  })

  test('store places or distances, journaled as they came, and say so', () => {
    const listener = server.connect(3)
    listener.ask('PSUBSCRIBE', '__keyevent@0__:*')
    const search = ['FROMLONLAT', 15, 37, 'BYBOX', 400, 400, 'km']
    expect(client.ask('GEOSEARCHSTORE', 'd', 'Sicily', ...search)).toBe(':2\r\n')
    expect(listener.received()).toContain('__keyevent@0__:geosearchstore\r\n$1\r\nd\r\n')
    expect(client.ask('ZSCORE', 'd', 'Palermo')).toBe('$16\r\n3479099956230698\r\n')
    client.ask('GEOSEARCHSTORE', 'd', 'Sicily', ...search, 'STOREDIST')
    expect(Number(words(client.ask('ZSCORE', 'd', 'Palermo'))[0])).toBeCloseTo(190.44242984775784, 10)
    listener.received()
    expect(client.ask('GEORADIUSBYMEMBER', 'Sicily', 'Palermo', 200, 'km', 'STOREDIST', 'd')).toBe(':2\r\n')
    expect(listener.received()).toContain('__keyevent@0__:georadiusstore\r\n$1\r\nd\r\n')
    expect(client.ask('GEORADIUS', 'Sicily', 0, 0, 1, 'km', 'STORE', 'd')).toBe(':0\r\n')
    expect(listener.received()).toContain('__keyevent@0__:del\r\n$1\r\nd\r\n')
    expect(client.ask('GEORADIUS', 'absent', 0, 0, 1, 'km', 'STORE', 'd')).toBe(':0\r\n')
    expect(listener.received()).toBe('')
    expect(server.journal.take()).toEqual([
      '0 GEOSEARCHSTORE d Sicily FROMLONLAT 15 37 BYBOX 400 400 km',
      '0 GEOSEARCHSTORE d Sicily FROMLONLAT 15 37 BYBOX 400 400 km STOREDIST',
      '0 GEORADIUSBYMEMBER Sicily Palermo 200 km STOREDIST d',
      '0 GEORADIUS Sicily 0 0 1 km STORE d',
    ])
  })

  test('name every mistake as redis-server does', () => {
    const radius = (...rest: (string | number)[]) => client.ask('GEORADIUS', 'Sicily', 15, 37, ...rest)
    expect(radius('x', 'km')).toBe('-ERR need numeric radius\r\n')
    expect(radius(-1, 'yd')).toBe('-ERR radius cannot be negative\r\n')
    expect(radius(1, 'yd')).toBe('-ERR unsupported unit provided. please use M, KM, FT, MI\r\n')
    expect(radius(1, 'km', 'COUNT', 0)).toBe('-ERR COUNT must be > 0\r\n')
    expect(radius(1, 'km', 'COUNT')).toBe('-ERR syntax error\r\n')
    expect(radius(1, 'km', 'ANY')).toBe('-ERR the ANY argument requires COUNT argument\r\n')
    expect(radius(1, 'km', 'STORE', 'd', 'WITHDIST')).toBe(
      '-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options\r\n',
    )
    expect(client.ask('GEORADIUS_RO', 'Sicily', 15, 37, 1, 'km', 'STORE', 'd')).toBe('-ERR syntax error\r\n')
    expect(client.ask('GEORADIUSBYMEMBER', 'Sicily', 'absent', 1, 'km')).toBe(
      '-ERR could not decode requested zset member\r\n',
    )
    // Without the key nobody looks at the radius.
    expect(client.ask('GEORADIUSBYMEMBER', 'absent', 'm', 'x', 'yd')).toBe('*0\r\n')

    const search = (...rest: (string | number)[]) => client.ask('GEOSEARCH', 'Sicily', ...rest)
    expect(search('FROMLONLAT', 1, 2, 'ASC', 'DESC', 'COUNT', 1)).toBe(
      '-ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH\r\n',
    )
    expect(client.ask('geosearch', 'Sicily', 'BYRADIUS', 1, 'km', 'ASC', 'COUNT', 1)).toBe(
      '-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for geosearch\r\n',
    )
    expect(search('FROMLONLAT', 1, 2, 'BYBOX', 'x', 1, 'km')).toBe('-ERR need numeric width\r\n')
    expect(search('FROMLONLAT', 1, 2, 'BYBOX', 1, 'x', 'km')).toBe('-ERR need numeric height\r\n')
    expect(search('FROMLONLAT', 1, 2, 'BYBOX', 1, -1, 'km')).toBe('-ERR height or width cannot be negative\r\n')
    expect(search('FROMLONLAT', 1, 2, 'BYBOX', 1, 1, 'km', 'BYRADIUS', 1, 'km')).toBe('-ERR syntax error\r\n')
    expect(search('FROMMEMBER', 'Palermo', 'FROMLONLAT', 1, 2, 'BYRADIUS', 1, 'km')).toBe('-ERR syntax error\r\n')
    expect(search('FROMLONLAT', 1, 2, 'BYRADIUS', 1, 'km', 'STOREDIST')).toBe('-ERR syntax error\r\n')
    expect(client.ask('GEOSEARCHSTORE', 'd', 'Sicily', 'FROMLONLAT', 1, 2, 'BYRADIUS', 1, 'km', 'WITHDIST')).toBe(
      '-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options\r\n',
    )
  })

  test('the nearest of thousands are those that all distances say', () => {
    const random = new Random(7)
    const next = () => random.below(1_000_000) / 1_000_000
    for (let i = 0; i < 3000; i += 100) {
      const places = Array.from({ length: 100 }, (_, j) => [next() * 4 + 10, next() * 4 + 36, `p${i + j}`]).flat()
      client.ask('GEOADD', 'many', ...places)
    }
    const all = words(client.ask('GEOSEARCH', 'many', 'FROMLONLAT', 12, 38, 'BYRADIUS', 150, 'km', 'ASC', 'WITHDIST'))
    const distances = all.filter((_, i) => i % 2 === 1).map(Number)
    expect(distances.length).toBeGreaterThan(500)
    expect(distances).toEqual([...distances].sort((a, b) => a - b))
    for (const count of [1, 10, 100, 400]) {
      const few = words(
        client.ask('GEOSEARCH', 'many', 'FROMLONLAT', 12, 38, 'BYRADIUS', 150, 'km', 'COUNT', count, 'WITHDIST'),
      )
      expect(few).toEqual(all.slice(0, 2 * count))
    }
  })
})
