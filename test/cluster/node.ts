// A node of a cluster in this process: the engine for tests, with a map whose file is in memory.

import { type MapFile, StandaloneCluster } from '../../src/cluster/standalone-cluster.ts'
import { makeParts } from '../../src/commands/parts.ts'
import type { ConfigName } from '../../src/config/config.ts'
import { assert } from '../../src/util/assert.ts'
import { createEngine, type TestEngine } from '../support/engine.ts'

export const FIRST = '1'.repeat(40)
export const SECOND = '2'.repeat(40)
export const THIRD = '3'.repeat(40)

export interface TestFile extends MapFile {
  text: string | undefined
  /** The error that writing throws; undefined = it succeeds. */
  failure: Error | undefined
}

export interface TestNode extends TestEngine {
  cluster: StandaloneCluster
  file: TestFile
}

export function mapFile(text?: string): TestFile {
  return {
    text,
    failure: undefined,
    read() {
      return this.text
    },
    write(written) {
      if (this.failure !== undefined) throw this.failure
      this.text = written
    },
  }
}

/**
 * The map of two primaries that share all slots; the third node is a replica of the second.
 * `myself` is the node that reads it.
 */
export function twoShards(myself: string, ports = [7001, 7002, 7003]): string {
  const line = (id: string, port: number, role: string, rest: string) =>
    `${id} 127.0.0.1:${port}@${port + 10_000} ${id === myself ? 'myself,' : ''}${role} ${rest}\n`
  return [
    line(FIRST, ports[0]!, 'master', '- 0 0 1 connected 0-8191'),
    line(SECOND, ports[1]!, 'master', '- 0 0 2 connected 8192-16383'),
    ...(ports.length < 3 ? [] : [line(THIRD, ports[2]!, 'slave', `${SECOND} 0 0 2 connected`)]),
    'vars currentEpoch 2 lastVoteEpoch 0\n',
  ].join('')
}

/** Starts a node; without a text it knows no other node and owns no slots. */
export function createNode(text?: string, settings: Partial<Record<ConfigName, string>> = {}): TestNode {
  const file = mapFile(text)
  let cluster: StandaloneCluster | undefined
  const made = createEngine(
    { 'cluster-enabled': 'yes', databases: '1', port: '7001', ...settings },
    1,
    [],
    undefined,
    false,
    (engine) => {
      cluster = new StandaloneCluster(engine, file)
      return Object.assign(makeParts(engine), { cluster })
    },
  )
  assert(cluster !== undefined, 'the parts are made with the engine')
  return { ...made, cluster, file }
}

/** A bulk string. */
export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`
}
