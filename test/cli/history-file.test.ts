// The history of a proof, as porcupine (JSON lines) and Elle (EDN) read it.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { HistoryFile, type RoundHistory } from '../../src/prover/cluster/history-file.ts'
import type { Operation } from '../../src/prover/durability/history-check.ts'

function operation(fields: Partial<Operation>): Operation {
  return {
    client: 1,
    key: 'p:list:0:0',
    kind: 'push',
    value: '',
    beganMs: 1,
    endedMs: 2,
    outcome: 'done',
    seen: [],
    isLate: false,
    ...fields,
  }
}

/** Writes rounds into a file of this name, and returns its lines. */
function written(name: string, ...rounds: RoundHistory[]): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'respite-history-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const file = new HistoryFile(join(dir, name))
  for (const round of rounds) file.add(round)
  return readFileSync(join(dir, name), 'utf8').trimEnd().split('\n')
}

const unknown = { outcome: 'unknown', endedMs: Number.POSITIVE_INFINITY } as const

test('JSON lines have invocations and returns in the order of their times, and no return where none is known', () => {
  const lines = written('history.jsonl', {
    entries: [
      [operation({ value: 'a', beganMs: 1, endedMs: 3 })],
      [operation({ client: 2, kind: 'list', value: '2-7', beganMs: 2, endedMs: 4, seen: ['a'], isLate: true })],
      [operation({ client: 3, kind: 'swap', key: 'p:register:0:0', value: 'b', beganMs: 2.5, ...unknown })],
      [
        operation({
          client: 4,
          kind: 'write',
          key: 'p:register:0:0',
          value: 'c',
          beganMs: 5,
          endedMs: 6,
          outcome: 'none',
        }),
      ],
    ],
    countings: new Map([['p:counter', [{ beganMs: 7, endedMs: 8, outcome: 'done', count: 1 }]]]),
  })
  expect(lines).toEqual([
    '{"type":"invoke","id":0,"time":1000000,"client":1,"key":"p:list:0:0","f":"push","input":"a"}',
    '{"type":"invoke","id":1,"time":2000000,"client":2,"key":"p:list:0:0","f":"list"}',
    '{"type":"invoke","id":2,"time":2500000,"client":3,"key":"p:register:0:0","f":"swap","input":"b"}',
    '{"type":"return","id":0,"time":3000000,"outcome":"ok","late":false}',
    '{"type":"return","id":1,"time":4000000,"outcome":"ok","output":["a"],"late":true}',
    '{"type":"invoke","id":3,"time":5000000,"client":4,"key":"p:register:0:0","f":"write","input":"c"}',
    '{"type":"return","id":3,"time":6000000,"outcome":"fail","late":false}',
    '{"type":"invoke","id":4,"time":7000000,"client":1000004,"key":"p:counter","f":"add","input":1}',
    '{"type":"return","id":4,"time":8000000,"outcome":"ok","output":1,"late":false}',
  ])
})

test('EDN has a transaction as one operation, and a new process after an unknown outcome', () => {
  const round: RoundHistory = {
    entries: [
      [operation({ value: 'a' }), operation({ value: 'a', key: 'p:list:1:0' })],
      [operation({ value: 'b', beganMs: 3, ...unknown })],
      [operation({ kind: 'list', beganMs: 5, endedMs: 6, seen: ['a', 'b'] })],
      [operation({ kind: 'list', beganMs: 5, endedMs: 6, isLate: true })],
      [operation({ kind: 'write', key: 'p:register:0:0' })],
    ],
    countings: new Map(),
  }
  expect(written('history.edn', round)).toEqual([
    '{:type :invoke, :f :txn, :process 1, :time 1000000, :value [[:append "p:list:0:0" "a"] [:append "p:list:1:0" "a"]]}',
    '{:type :ok, :f :txn, :process 1, :time 2000000, :value [[:append "p:list:0:0" "a"] [:append "p:list:1:0" "a"]]}',
    '{:type :invoke, :f :txn, :process 1, :time 3000000, :value [[:append "p:list:0:0" "b"]]}',
    '{:type :info, :f :txn, :process 1, :time 3000000, :value [[:append "p:list:0:0" "b"]]}',
    '{:type :invoke, :f :txn, :process 1001, :time 5000000, :value [[:r "p:list:0:0" nil]]}',
    '{:type :ok, :f :txn, :process 1001, :time 6000000, :value [[:r "p:list:0:0" ["a" "b"]]]}',
  ])
})
