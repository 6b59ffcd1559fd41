import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { silentLog } from '../../../src/engine/log.ts'
import { ALERT_RULES } from '../../../src/monitoring/alert-rules.ts'
import { ChannelRates } from '../../../src/monitoring/channel-rates.ts'
import { History } from '../../../src/monitoring/history.ts'
import { HistoryFile } from '../../../src/monitoring/history-file.ts'
import { COLUMNS, type Row } from '../../../src/monitoring/sampled-columns.ts'
import { type Browser, openConsole } from '../../support/console.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { eventually } from '../../support/server.ts'

/** Reads events of a stream until one is of a kind, and its data is as wanted. */
async function readEvents(answer: Response, isEnough: (events: readonly [string, unknown][]) => boolean) {
  const events: [string, unknown][] = []
  let text = ''
  for await (const chunk of answer.body!) {
    text += Buffer.from(chunk as Uint8Array).toString()
    const whole = text.split('\n\n')
    text = whole.pop()!
    for (const event of whole) {
      const [, name] = /^event: (.*)$/m.exec(event) ?? []
      const [, data] = /^data: (.*)$/m.exec(event) ?? []
      if (name !== undefined && data !== undefined) events.push([name, JSON.parse(data)])
    }
    if (isEnough(events)) break
  }
  return events
}

const rowAt = (time: number, value = 1): Row => COLUMNS.map((name) => (name === 'time' ? time : value))

describe('GET /v1/overview', () => {
  test('begins with the history, and sends a row each second with what was done meanwhile', async () => {
    const door = await openConsole()
    const browser = await door.signIn()
    const answer = await browser.get('/v1/overview')
    expect(answer.headers.get('content-type')).toContain('text/event-stream')
    for (let i = 0; i < 50; i++) await door.broker.call('PUBLISH', 'a', 'b')
    const events = await readEvents(answer, (all) => all.filter(([name]) => name === 'sample').length >= 2)
    expect(events[0]![0]).toBe('history')
    expect(events[0]![1]).toMatchObject({ columns: COLUMNS, fine: { stepMs: 1000 }, coarse: { stepMs: 10_000 } })
    expect(events[1]).toEqual(['alerts', []])
    const at = (name: (typeof COLUMNS)[number]): number[] =>
      events.filter(([kind]) => kind === 'sample').map(([, row]) => (row as number[])[COLUMNS.indexOf(name)]!)
    expect(at('messagesIn').reduce((sum, rate) => sum + rate, 0)).toBeGreaterThan(10)
    expect(at('clients')[0]).toBeGreaterThan(0)
    expect(at('memory')[0]).toBeGreaterThan(1000)
    const once = await browser.get('/v1/overview', { Accept: 'application/json' })
    expect(await once.json()).toMatchObject({ alerts: [], history: { columns: COLUMNS } })
  })

  test('ends with the session', async () => {
    const door = await openConsole()
    const browser = await door.signIn()
    const answer = await browser.get('/v1/overview')
    const end = readEvents(answer, () => false)
    const headers = { Cookie: browser.cookie, Origin: door.url, 'X-Respite-Console': '1' }
    await door.ask('/v1/session', { method: 'DELETE', headers })
    expect((await end)[0]![0]).toBe('history')
  })

  test('ends when its user has another password, or is off', async () => {
    const door = await openConsole()
    for (const change of [['resetpass', '>other'], ['off']]) {
      await door.broker.call('ACL', 'SETUSER', 'ana', 'on', 'resetpass', '>pw', '+info')
      const answer = await (await door.signIn('ana', 'pw')).get('/v1/overview')
      await door.broker.call('ACL', 'SETUSER', 'ana', ...change)
      expect((await readEvents(answer, () => false)).filter(([name]) => name === 'sample').length).toBeLessThan(3)
    }
  })

  test('tells of an alert while it holds', async () => {
    const door = await openConsole()
    const browser = await door.signIn()
    door.engine.figures.stats.accessDenied.auth = 0
    const look = async (b: Browser): Promise<{ rule: string; advice: string }[]> =>
      ((await (await b.get('/v1/overview', { Accept: 'application/json' })).json()) as { alerts: never[] }).alerts
    expect(await look(browser)).toEqual([])
    await eventually(async () => {
      door.engine.figures.stats.accessDenied.auth += 30
      return (await look(browser)).some(({ rule }) => rule === 'RespiteLoginsFail')
    })
    expect((await look(browser))[0]!.advice).toContain('ACL LOG')
  })
})

describe('the alert rules', () => {
  test('have the names, severities and times of those for Prometheus', () => {
    interface Rules {
      readonly groups: readonly {
        readonly rules: readonly { alert: string; for?: string; labels: { severity: string } }[]
      }[]
    }
    const { groups } = parse(readFileSync('docs/grafana/alerts.yaml', 'utf8')) as Rules
    const known = new Map(groups.flatMap(({ rules }) => rules.map((rule) => [rule.alert, rule] as const)))
    for (const { forMs, name, severity } of ALERT_RULES) {
      const rule = known.get(name)
      expect(rule?.labels.severity, name).toBe(severity)
      const [, count = '0', unit] = /^(\d+)([sm])$/.exec(rule?.for ?? '0s') ?? []
      expect(Number(count) * (unit === 'm' ? 60_000 : 1000), name).toBe(forMs)
    }
  })
})

describe('the history', () => {
  test('keeps five minutes by the second, and an hour by ten seconds', () => {
    const history = new History()
    for (let i = 0; i < 5000; i++) history.add(rowAt(1_700_000_000_000 + i * 1000, i))
    const { coarse, fine } = history.rows
    expect(fine).toHaveLength(300)
    expect(coarse).toHaveLength(360)
    expect(fine.at(-1)![1]).toBe(4999)
    // The average of ten rows, and the greatest duration among them.
    const last = coarse.at(-1)!
    expect(last[COLUMNS.indexOf('commands')]).toBe(4984.5)
    expect(last[COLUMNS.indexOf('loopDelayMs')]).toBe(4989)
  })

  test('survives in its file; what is broken, old or from the future is as none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'respite-history-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = new HistoryFile(folder, silentLog)
    expect(file.read()).toBeUndefined()
    const now = 1_700_000_000_000
    const rows = {
      fine: [rowAt(now - 400_000), rowAt(now - 1000), rowAt(now + 5000)],
      coarse: [rowAt(now - 7_200_000)],
    }
    file.writeNow(rows)
    expect(file.read()).toEqual(rows)
    await file.write(rows)
    const history = new History()
    history.restore(file.read()!, now)
    expect(history.rows).toEqual({ fine: [rowAt(now - 1000)], coarse: [] })
    const path = join(folder, 'console-history.json')
    const text = readFileSync(path, 'utf8')
    for (const broken of [
      '',
      '{',
      text.slice(0, 200),
      text.replace('"commands"', '"other"'),
      '{"columns":[],"fine":1}',
    ]) {
      writeFileSync(path, broken)
      expect(file.read()).toBeUndefined()
    }
  })
})

describe('rates of channels', () => {
  test('are those since the last reading, at least a second before', () => {
    const clock = new FakeClock()
    const rates = new ChannelRates(clock)
    expect(rates.rateOf('a', 10)).toBeNull()
    clock.advance(100)
    expect(rates.rateOf('a', 20)).toBeNull()
    clock.advance(1900)
    expect(rates.rateOf('a', 30)).toBe(10)
    expect(rates.rateOf('a', 30)).toBe(10)
    clock.advance(1000)
    // The count began again.
    expect(rates.rateOf('a', 5)).toBeNull()
  })
})
