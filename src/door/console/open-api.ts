// The OpenAPI file, made of the endpoints' descriptions.

import { RESPITE_VERSION } from '../../config/version.ts'
import { DOOR_DOCS } from './door-docs.ts'
import type { EndpointDoc, Parameter, Shape } from './endpoint.ts'
import { ENDPOINTS } from './endpoints.ts'

const DESCRIPTION =
  'The HTTP API of Respite. docs/browsers.md explains it, and docs/console.md what belongs to the console. Times are Unix milliseconds, sizes bytes.'
const FAILURES: Readonly<Record<number, string>> = {
  400: 'The request is wrong, or the command was refused.',
  401: 'Nobody is signed in.',
  403: 'The user has no right to it, or the page is of another site.',
}

/** Returns the OpenAPI file as an object. */
export function openApi(): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const endpoint of [...DOOR_DOCS, ...ENDPOINTS]) {
    paths[endpoint.path] ??= {}
    paths[endpoint.path]![endpoint.method.toLowerCase()] = operationOf(endpoint)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Respite',
      version: RESPITE_VERSION,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'respite-console-PORT' },
        basic: { type: 'http', scheme: 'basic' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
      schemas: { Error: { type: 'object', required: ['error'], properties: { error: { type: 'string' } } } },
    },
    security: [{ session: [] }, { basic: [] }, { bearer: [] }, {}],
  }
}

function operationOf(endpoint: EndpointDoc): object {
  const { answer, body, media = 'application/json', method, path, query = {}, statuses = {}, summary } = endpoint
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const parameters = [
    ...names.map(inPath),
    ...Object.entries(query).map(([name, parameter]) => inQuery(name, parameter)),
  ]
  const success =
    statuses[204] === undefined ? { 200: { description: 'Done.', content: contentOf(media, answer) } } : {}
  const told = Object.entries({ ...FAILURES, ...statuses }).map(([status, description]) => [
    status,
    Number(status) < 300 ? { description } : { description, content: errorContent() },
  ])
  return {
    operationId: operationId(method, path),
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { content: contentOf(body === 'text' ? 'text/plain' : 'application/json', body) } }),
    responses: { ...success, ...(Object.fromEntries(told) as object) },
  }
}

function operationId(method: string, path: string): string {
  const words = path
    .split('/')
    .slice(2)
    .map((word) => word.replace(/[{}]/g, '').replace(/\W/g, ' '))
  return [method.toLowerCase(), ...words].join(' ').replace(/ (\w)/g, (_, letter: string) => letter.toUpperCase())
}

function inPath(name: string): object {
  return { name, in: 'path', required: true, schema: { type: 'string' } }
}

function inQuery(name: string, { doc, isList, isNeeded, type = 'string' }: Parameter): object {
  const schema = isList === true ? { type: 'array', items: { type } } : { type }
  return { name, in: 'query', description: doc, ...(isNeeded === true ? { required: true } : {}), schema }
}

function contentOf(media: string, shape: Shape): object {
  return { [media]: { schema: schemaOf(shape) } }
}

function errorContent(): object {
  return { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } }
}

/** Returns the JSON Schema of a shape. */
function schemaOf(shape: Shape): object {
  if (typeof shape === 'string') return schemaOfWord(shape)
  if (isList(shape)) return { type: 'array', items: schemaOf(shape[0]) }
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(shape).map(([name, each]) => [name, schemaOf(each)])),
  }
}

function isList(shape: Exclude<Shape, string>): shape is readonly [Shape] {
  return Array.isArray(shape)
}

function schemaOfWord(word: string): object {
  const type = word.replace('?', '')
  if (type === 'any' || type === 'nothing') return {}
  if (type === 'text') return { type: 'string' }
  return { type: word.endsWith('?') ? [type, 'null'] : type }
}
