// Requests for WebSocket and for streams of events, which Node's HTTP server hands over with their
// sockets.
//
// Node gives a socket up, and frees its parser and its buffers, for a request that asks for another
// protocol. The class of requests, which a server may be given, says here which ones do: a request
// for a stream is one of them. An offer of a protocol that is not served, such as the HTTP/2 that
// Java's client offers with each request, is none.

import http from 'node:http'
import type { Socket } from 'node:net'

/** The paths of streams, and what of their query makes a poll of them. */
const STREAM_URL = /^\/(v1\/subscribe\?(?!.*\bwait=)|\.well-known\/mercure\?|p?subscribe\/|monitor$)/i

const ASKED = Symbol('asked for another protocol')

/**
 * Makes the class of a server's requests. `isAnswered` tells whether a connection owes no answer to
 * an earlier request.
 */
export function streamRequests(isAnswered: (socket: Socket) => boolean): typeof http.IncomingMessage {
  return class StreamRequest extends http.IncomingMessage {
    declare [ASKED]: boolean | null

    // Node's parser sets it when the head has been read, and its server reads it then.
    get upgrade(): boolean {
      return (
        (this[ASKED] === true && (this.method === 'CONNECT' || asksForWebSocket(this))) ||
        (isForStream(this) && isAnswered(this.socket))
      )
    }

    set upgrade(asked: boolean | null) {
      this[ASKED] = asked
    }
  }
}

/** Tells whether a request asks for a stream of events, and has no body. */
export function isForStream({ headers, httpVersion, method, url }: http.IncomingMessage): boolean {
  if (method !== 'GET' || httpVersion !== '1.1' || url === undefined || !STREAM_URL.test(url)) return false
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return false
  return !asksForWebSocket({ headers }) && !(headers.accept ?? '').includes('application/json')
}

function asksForWebSocket({ headers }: Pick<http.IncomingMessage, 'headers'>): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}
