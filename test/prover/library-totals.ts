// Figures of the libraries in a proof of a cluster.

export interface LibraryTotals {
  acknowledged: number
  /** Commands that ended with an error. */
  failed: number
  /** Values that are there more than once. */
  repeated: number
  /** Jobs that were added to queues, and how often one of them stalled. */
  jobs: number
  stalled: number
}
