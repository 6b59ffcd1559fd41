// `respite/bullmq`: BullMQ on a broker in this process, below the wire.

export { type BrokerConnection, createBrokerBackend } from './bullmq/backend.ts'
