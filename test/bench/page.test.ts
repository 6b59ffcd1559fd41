// The page of figures: what is written is read back, what is not asked again stays, and losses are named before anything else.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { renderPage, renderReadme, type Stored, sectionsOf } from '../../bench/page.ts'
import { pageRows } from '../../bench/page-rows.ts'
import { besideBest, type Row } from '../../bench/question.ts'

const EMPTY_README = 'before\n<!-- Written by `npm run bench`. -->\nold\n<!-- End of what it wrote. -->\nafter\n'

function stored(title: string, rows: Row[], rivals?: string[]): Stored {
  const answer = {
    title,
    rows,
    notes: ['a note'],
    commandLines: ['a command'],
    ...(rivals === undefined ? {} : { rivals }),
  }
  return { answer, date: '2026-01-01 00:00', machine: 'a machine' }
}

const perSecond = (value: number): string => `${value} /s`
const milliseconds = (value: number): string => `${value} ms`

const MEMCACHED = ['memcached, text', 'memcached, meta']
const cache = (ours: number, text: number, meta: number, what = 'get, 50 clients, P=1'): Row => {
  const found = new Map([
    ['respite', [ours]],
    ['memcached, text', [text]],
    ['memcached, meta', [meta]],
  ])
  return besideBest(what, found, 'more', perSecond)
}
const SPEED = 'As a cache: requests per second beside memcached'
const LATENCY = 'As a cache: latency beside memcached'

describe('a row beside several rivals', () => {
  test('is compared with the best of them, round by round', () => {
    const found = new Map([
      ['respite', [10, 20, 30]],
      ['slow', [1, 1, 1]],
      ['fast', [20, 20, 20]],
      ['absent', []],
    ])
    expect(besideBest('what', found, 'more', perSecond)).toEqual({
      what: 'what',
      respite: '20 /s',
      redis: ['1 /s', '20 /s', '–'],
      figure: '1.00 × fast',
      target: '',
      met: undefined,
    })
    expect(besideBest('what', found, 'less', perSecond).figure).toBe('20.00 × slow')
  })
})

describe('the page', () => {
  test('is read back as it was written', () => {
    const page = renderPage([stored(SPEED, [cache(50, 90, 100)], MEMCACHED)], '')
    expect(pageRows(sectionsOf(page).get(SPEED)!)).toEqual([
      {
        what: 'get, 50 clients, P=1',
        respite: '50 /s',
        rivals: new Map([
          ['memcached, text', '90 /s'],
          ['memcached, meta', '100 /s'],
        ]),
        figure: '0.50 × memcached, meta',
        target: '',
        verdict: '',
      },
    ])
    expect(renderPage([], page)).toBe(page)
  })

  test('keeps the tables that were not measured again', () => {
    const before = renderPage([stored('Scripts', []), stored(SPEED, [cache(50, 90, 100)], MEMCACHED)], '')
    const after = renderPage([stored(SPEED, [cache(200, 90, 100)], MEMCACHED)], before)
    expect([...sectionsOf(after).keys()]).toEqual(['Scripts', SPEED])
    expect(after).toContain('2.00 × memcached, meta')
    expect(after).not.toContain('0.50 × memcached, meta')
  })

  test('counts the targets that were missed, and names them', () => {
    const missed: Row = { what: 'a', respite: '1', redis: '2', figure: '0.50 ×', target: '≥ 1.00 ×', met: false }
    const page = renderPage([stored('Scripts', [missed, { ...missed, what: 'b', met: true }])], '')
    expect(page).toContain('**1 of 2 targets met.** Missed:\n\n- a (0.50 ×, target ≥ 1.00 ×)\n')
  })
})

describe('the overview', () => {
  const rows = [
    cache(50, 90, 100),
    cache(300, 90, 100, 'set, 50 clients, P=1'),
    cache(101, 90, 100, 'incr, 50 clients, P=1'),
  ]
  const late = new Map([
    ['respite', [3]],
    ['memcached, text', [2]],
  ])
  const latency = besideBest('get, 50 clients, P=1, p99', late, 'less', milliseconds)
  const page = renderPage([stored(SPEED, rows, MEMCACHED), stored(LATENCY, [latency], ['memcached, text'])], '')

  test('names first where we are behind, whether more or less is better', () => {
    expect(page).toContain('**Behind in 2 of 4**, level (within 3 %) in 1, ahead in 1.')
    expect(page).toContain(
      '\nBehind:\n\n- get, 50 clients, P=1 (0.50 × memcached, meta)\n- get, 50 clients, P=1, p99 (1.50 × memcached, text)\n',
    )
  })

  test('shows the rival that is the best', () => {
    expect(page).toContain('| set, 50 clients, P=1 | 300 /s | 100 /s | memcached, meta | 3.00 × |')
  })

  test('leaves out what was never asked', () => {
    expect(page).not.toContain('### In a program')
  })

  test('hands the rows that have a name there to the README', () => {
    const heard = besideBest(
      'heard by 100 subscribers',
      new Map([
        ['respite', [300]],
        ['redis-server', [100]],
      ]),
      'more',
      perSecond,
    )
    const bus = renderPage([stored('As a bus: messages', [heard], ['redis-server'])], page)
    const readme = renderReadme(bus, EMPTY_README)
    expect(readme).toBe(EMPTY_README.replace('old', '\n- messages delivered to 100 subscribers: 3.00 × redis-server\n'))
    expect(renderReadme(bus, readme)).toBe(readme)
  })
})

test('docs/benchmarks.md and the figures in README.md are as the bench has written them', () => {
  const page = readFileSync('docs/benchmarks.md', 'utf8')
  const readme = readFileSync('README.md', 'utf8')
  expect(renderPage([], page)).toBe(page)
  expect(renderReadme(page, readme)).toBe(readme)
})
