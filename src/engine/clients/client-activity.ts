// The activity of a client: its last command, and figures of all of them.

export class ClientActivity {
  lastCommand = 'NULL'
  lastActiveMs: number
  commandsRun = 0

  constructor(nowMs: number) {
    this.lastActiveMs = nowMs
  }
}
