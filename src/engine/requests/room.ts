// The way of a request, from bytes to the reply: incoming ─▶ dispatch ─▶ admission ─▶ runner ─▶ turn.

import { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { Admission, type AdmissionHost } from './admission.ts'
import { Dispatch, type DispatchHost } from './dispatch.ts'
import { Requests, type RequestsHost } from './requests.ts'
import { Runner, type RunnerHost } from './runner.ts'
import { Turn, type TurnHost } from './turn.ts'

export type RequestsRoomHost = RequestsHost & DispatchHost & AdmissionHost & RunnerHost & TurnHost

export class RequestsRoom {
  /** All clients write their replies into it. */
  readonly replies = new ReplyBuffer()
  readonly turn: Turn
  readonly runner: Runner
  readonly admission: Admission
  readonly dispatch: Dispatch
  /** The bytes that come from clients. */
  readonly incoming: Requests

  constructor(host: RequestsRoomHost) {
    this.turn = new Turn(host, this.replies)
    this.runner = new Runner(host, this.replies)
    this.admission = new Admission(host)
    this.dispatch = new Dispatch(host, this)
    this.incoming = new Requests(host, this)
  }
}
