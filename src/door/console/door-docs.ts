// The routes of the door that are there without the console, described for the OpenAPI file.

import type { EndpointDoc } from './endpoint.ts'

const STREAM = {
  channel: { doc: 'A channel to hear.', isList: true },
  pattern: { doc: 'A pattern to hear.', isList: true },
  from: { doc: 'first, new, the id of a message, or Unix milliseconds.' },
  name: { doc: 'A service whose place is remembered.' },
  format: { doc: 'text or json.' },
  encoding: { doc: 'utf8 (unless said) or base64.' },
  wait: { doc: 'Long polling: how long to wait, such as 20s.' },
  ticket: { doc: 'A ticket of /v1/ticket.' },
} as const

export const DOOR_DOCS: readonly EndpointDoc[] = [
  {
    method: 'GET',
    path: '/v1/subscribe',
    summary: 'Streams the messages of channels and patterns, or polls for them.',
    query: STREAM,
    media: 'text/event-stream',
    answer: { id: 'string?', channel: 'string', pattern: 'string?', message: 'string' },
  },
  {
    method: 'POST',
    path: '/v1/publish/{channel}',
    summary: 'Publishes the body. Headers: Idempotency-Key, Publish-At, Publish-In.',
    body: 'text',
    answer: { receivers: 'integer', id: 'string?' },
    statuses: { 202: 'The message is scheduled.', 307: 'Another node leads.' },
  },
  {
    method: 'POST',
    path: '/v1/ticket',
    summary: 'Makes a ticket, which opens one stream.',
    answer: { ticket: 'string', seconds: 'integer' },
  },
  {
    method: 'GET',
    path: '/v1/queues/{name}',
    summary: 'Tells how much work a queue of BullMQ or Bull, a list or a stream has, for autoscalers.',
    query: { prefix: { doc: 'The prefix of the keys; bull unless said.' } },
    answer: {
      name: 'string',
      kind: 'string',
      isPaused: 'boolean',
      backlog: 'integer',
      oldestMs: 'integer?',
      counts: 'object',
    },
    statuses: { 404: 'There is no such queue.' },
  },
]
