// The switches of DEBUG, for tests. No setting reaches them, and they end with the process.

export class DebugSwitches {
  /**
   * False: checksums of snapshots and of RESTORE's payloads are ignored
   * (SET-SKIP-CHECKSUM-VALIDATION).
   */
  comparesChecksums = true
  /** True: scripts may call commands with the flag `noscript` (SET-DISABLE-DENY-SCRIPTS). */
  scriptsMayAll = false
  /**
   * The time for which the server stops before it writes to the append-only file (AOF-FLUSH-SLEEP).
   */
  journalSleepMs = 0
  /**
   * The delay of each sync of the append-only file. DEBUG has no such switch: it is a fault on
   * demand (faults.ts).
   */
  syncDelayMs = 0
}
