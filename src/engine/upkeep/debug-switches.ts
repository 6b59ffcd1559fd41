// What DEBUG switches for tests. No setting says so, and nothing of it outlives the process.

export class DebugSwitches {
  /** False: checksums of snapshots and of RESTORE's payloads are not compared (SET-SKIP-CHECKSUM-VALIDATION). */
  comparesChecksums = true
  /** True: scripts may call what is not for scripts (SET-DISABLE-DENY-SCRIPTS). */
  scriptsMayAll = false
  /** How long the server stops before it writes to the append-only file (AOF-FLUSH-SLEEP). */
  journalSleepMs = 0
  /** How much longer each sync of the append-only file takes; not of DEBUG, but a fault on demand (faults.ts). */
  syncDelayMs = 0
}
