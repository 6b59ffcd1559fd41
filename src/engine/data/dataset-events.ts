// The events that the databases report, and their handlers. A handler of an event fills its slot in
// the reports of the databases (store/keyspace/database-reports.ts).

import type { Database } from '../../store/keyspace/database.ts'
import type {
  BeforeChange,
  Created,
  DatabaseReports,
  Deadline,
  Emptied,
  Gone,
  Looked,
  Missed,
} from '../../store/keyspace/database-reports.ts'
import { Handlers } from '../../util/tables/handlers.ts'

export class DatasetEvents {
  readonly beforeChange: Handlers<BeforeChange<Database>>
  readonly emptied: Handlers<Emptied<Database>>
  readonly missed: Handlers<Missed<Database>>
  readonly created: Handlers<Created<Database>>
  readonly gone: Handlers<Gone<Database>>
  readonly looked: Handlers<Looked>
  readonly deadline: Handlers<Deadline<Database>>

  constructor(reports: DatabaseReports<Database>) {
    this.beforeChange = new Handlers((slot) => {
      reports.beforeChange = slot
    })
    this.emptied = new Handlers((slot) => {
      reports.emptied = slot
    })
    this.missed = new Handlers((slot) => {
      reports.missed = slot
    })
    this.created = new Handlers((slot) => {
      reports.created = slot
    })
    this.gone = new Handlers((slot) => {
      reports.gone = slot
    })
    this.looked = new Handlers((slot) => {
      reports.looked = slot
    })
    this.deadline = new Handlers((slot) => {
      reports.deadline = slot
    })
  }
}
