// The way of a request, from bytes to the reply: incoming ─▶ dispatch ─▶ admission ─▶ runner ─▶ turn.

import { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import type { ClusterView } from '../cluster-view/cluster-view.ts'
import { Redirection, type RedirectionHost } from '../cluster-view/redirection.ts'
import { Admission, type AdmissionHost } from './admission.ts'
import { Dispatch, type DispatchHost } from './dispatch.ts'
import { Requests, type RequestsHost } from './requests.ts'
import { Runner, type RunnerHost } from './runner.ts'
import { TurnEnd, type TurnEndHost } from './turn-end.ts'

export type RequestsRoomHost = RequestsHost & DispatchHost & AdmissionHost & RunnerHost & TurnEndHost & RedirectionHost

export class RequestsRoom {
  /** All clients write their replies into it. */
  readonly replies = new ReplyBuffer()
  readonly turn: TurnEnd
  readonly runner: Runner
  readonly admission: Admission
  readonly dispatch: Dispatch
  /** The bytes that come from clients. */
  readonly incoming: Requests

  readonly #host: RequestsRoomHost
  #redirection: Redirection | null = null

  constructor(host: RequestsRoomHost) {
    this.#host = host
    this.runner = new Runner(host, this.replies)
    this.turn = new TurnEnd(host, this.replies, this.runner)
    this.admission = new Admission(host)
    this.dispatch = new Dispatch(host, this)
    this.incoming = new Requests(host, this)
  }

  /** Null unless this server is a node of a cluster. */
  get redirection(): Redirection | null {
    return this.#redirection
  }

  /** From now on a request for another node's slots is redirected. */
  serveSlotsOf(cluster: ClusterView): void {
    this.#redirection = new Redirection(this.#host, cluster)
    this.#host.conditions.state.clustered.begin()
  }
}
