// The way of a request, from bytes to the reply:
//
//   incoming ─▶ dispatch ─▶ admission ─▶ runner ─▶ turn

import { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { assert } from '../../util/assert.ts'
import type { ClusterView } from '../cluster-view/cluster-view.ts'
import { Redirection, type RedirectionHost } from '../cluster-view/redirection.ts'
import { Admission, type AdmissionHost } from './admission.ts'
import { DirectCalls, type DirectCallsHost } from './direct-calls.ts'
import { Dispatch, type DispatchHost } from './dispatch.ts'
import { Requests, type RequestsHost } from './requests.ts'
import { Runner, type RunnerHost } from './runner.ts'
import { TurnEnd, type TurnEndHost } from './turn-end.ts'

export type RequestsRoomHost = RequestsHost &
  DispatchHost &
  DirectCallsHost &
  AdmissionHost &
  RunnerHost &
  TurnEndHost &
  RedirectionHost

export class RequestsRoom {
  /** The buffer in which the replies to all clients are written. */
  readonly replies = new ReplyBuffer()
  readonly turn: TurnEnd
  readonly runner: Runner
  readonly admission: Admission
  readonly dispatch: Dispatch
  /** The bytes that come from clients. */
  readonly incoming: Requests
  /** The calls that come from within the process. */
  readonly direct: DirectCalls

  readonly #host: RequestsRoomHost
  #redirection: Redirection | null = null

  constructor(host: RequestsRoomHost) {
    this.#host = host
    this.runner = new Runner(host, this.replies)
    this.turn = new TurnEnd(host, this.replies, this.runner)
    this.admission = new Admission(host)
    this.dispatch = new Dispatch(host, this)
    this.incoming = new Requests(host, this)
    this.direct = new DirectCalls(host, this)
  }

  /** Null unless this server is a node of a cluster. */
  get redirection(): Redirection | null {
    return this.#redirection
  }

  /** Redirects requests for other nodes' slots from now on. */
  serveSlotsOf(cluster: ClusterView): void {
    assert(this.#redirection === null, 'a server is a node of one cluster')
    this.#redirection = new Redirection(this.#host, cluster)
    this.#host.conditions.state.clustered.begin()
  }
}
