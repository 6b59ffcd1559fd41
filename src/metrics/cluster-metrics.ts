// A node of a cluster, as CLUSTER INFO describes it, under redis_exporter's names. Other servers
// have no such samples.

import type { Engine } from '../commands/call.ts'
import { clusterFigures } from '../commands/cluster/cluster-info.ts'
import type { MetricSources } from './metric-source.ts'

const HELP: Readonly<Record<string, string>> = {
  cluster_slots_assigned: 'Slots that a node owns.',
  cluster_slots_ok: 'Slots whose owner is well.',
  cluster_slots_fail: 'Slots whose owner is not reached.',
  cluster_known_nodes: 'Nodes that this node knows.',
  cluster_size: 'Primaries that own slots.',
  cluster_current_epoch: 'Highest epoch that this node knows.',
  cluster_my_epoch: 'Epoch of this node, or of its primary.',
}

export function addClusterMetrics(readings: MetricSources, { parts }: Engine): void {
  readings.gauge('redis_cluster_state', '1 while keys are served, 0 while requests hear CLUSTERDOWN.', () =>
    parts.cluster === null ? undefined : Number(parts.cluster.isOk),
  )
  for (const [name, help] of Object.entries(HELP)) {
    readings.gauge(`redis_${name}`, help, () => {
      const figures = parts.cluster === null ? [] : clusterFigures(parts.cluster)
      return figures.find(([figure]) => figure === name)?.[1]
    })
  }
}
