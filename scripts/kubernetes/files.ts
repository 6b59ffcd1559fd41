// The files of deploy/kubernetes, from one source: manifests.ts and values.ts.
//
//   plain/respite.yaml      every object with the defaults, for kubectl
//   plain/production.yaml   with every feature on
//   base/                   the same as respite.yaml, a file an object, for Kustomize
//   components/FEATURE/     the objects and patches of a feature, for Kustomize
//   overlays/               production: the base with every component; development: one broker
//   helm/respite/           the chart: values.yaml and templates

import { RESPITE_VERSION } from '../../src/config/version.ts'
import { differences, type PatchStep } from './json-patch.ts'
import { MANIFESTS } from './manifests.ts'
import { bare, type Plain, resolve, type Tree, type Values, When } from './tree.ts'
import { DEVELOPMENT, FEATURES, merged, VALUES, valuesWith } from './values.ts'
import { yamlOf } from './yaml.ts'

const ROOT = 'deploy/kubernetes'
const GENERATED = '# Made by `npm run docs` from scripts/kubernetes; a test compares them.\n'

/** Path from the project's root → text. */
export function kubernetesFiles(): Map<string, string> {
  const files = new Map<string, string>()
  const write = (path: string, text: string): void => void files.set(`${ROOT}/${path}`, GENERATED + text)
  write('plain/respite.yaml', documents(VALUES))
  write('plain/production.yaml', documents(valuesWith(FEATURES)))

  const base = namesWith(VALUES)
  for (const name of base) write(`base/${name}.yaml`, document(name, VALUES))
  write(
    'base/kustomization.yaml',
    yaml(kustomization('Kustomization', { resources: base.map((name) => `${name}.yaml`) })),
  )

  for (const feature of FEATURES) {
    const values = valuesWith([feature])
    const added = namesWith(values).filter((name) => !base.includes(name))
    for (const name of added) write(`components/${feature}/${name}.yaml`, document(name, values))
    const changes = base.map((name) => [name, changeOf(name, VALUES, values)] as const)
    write(`components/${feature}/kustomization.yaml`, yaml(component(added, changes)))
  }

  const components = FEATURES.map((feature) => `../../components/${feature}`)
  write(
    'overlays/production/kustomization.yaml',
    yaml(kustomization('Kustomization', { resources: ['../../base'], components })),
  )
  const development = base.map((name) => [name, changeOf(name, VALUES, merged(VALUES, DEVELOPMENT))] as const)
  write(
    'overlays/development/kustomization.yaml',
    yaml(kustomization('Kustomization', { resources: ['../../base'], ...patches(development) })),
  )

  const chart = {
    apiVersion: 'v2',
    name: 'respite',
    description: 'Brokers of Respite on a log of NATS, which its own chart installs',
    type: 'application',
    version: RESPITE_VERSION,
    appVersion: RESPITE_VERSION,
    kubeVersion: '>=1.27.0-0',
  }
  write('helm/respite/Chart.yaml', yaml(chart))
  write('helm/respite/values.yaml', yamlOf(VALUES, { isHelm: false, values: VALUES }))
  write('helm/development.yaml', yamlOf(DEVELOPMENT, { isHelm: false, values: DEVELOPMENT }))
  write('helm/production.yaml', yaml(Object.fromEntries(Object.keys(VALUES).flatMap(featureOn))))
  for (const [name, tree] of Object.entries(MANIFESTS))
    write(`helm/respite/templates/${name}.yaml`, yamlOf(tree, { isHelm: true, values: VALUES }))
  return files
}

/** Objects with these values, as JSON has them, by the name of their file. */
export function objectsWith(values: Values): Map<string, Plain> {
  return new Map(namesWith(values).map((name) => [name, resolve(MANIFESTS[name]!, values)!]))
}

function namesWith(values: Values): string[] {
  return Object.keys(MANIFESTS).filter((name) => resolve(MANIFESTS[name]!, values) !== undefined)
}

function document(name: string, values: Values): string {
  return yamlOf(MANIFESTS[name]!, { isHelm: false, values })
}

function documents(values: Values): string {
  return namesWith(values)
    .map((name) => `---\n${document(name, values)}`)
    .join('')
}

const yaml = (tree: Tree): string => yamlOf(tree, { isHelm: false, values: VALUES })

function featureOn(name: string): [string, Tree][] {
  const own = bare(VALUES[name]!)
  const isFeature = FEATURES.some(
    (feature) => feature.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()) === name,
  )
  return isFeature && typeof own === 'object' && !(own instanceof When) ? [[name, { enabled: true }]] : []
}

function changeOf(name: string, from: Values, to: Values): PatchStep[] {
  return differences(resolve(MANIFESTS[name]!, from)!, resolve(MANIFESTS[name]!, to)!)
}

function kustomization(kind: 'Kustomization' | 'Component', rest: Record<string, Tree>): Tree {
  const version = kind === 'Component' ? 'v1alpha1' : 'v1beta1'
  return { apiVersion: `kustomize.config.k8s.io/${version}`, kind, ...rest }
}

function component(added: readonly string[], changes: readonly (readonly [string, readonly PatchStep[]])[]): Tree {
  const resources = added.length === 0 ? {} : { resources: added.map((name) => `${name}.yaml`) }
  return kustomization('Component', { ...resources, ...patches(changes) })
}

function patches(changes: readonly (readonly [string, readonly PatchStep[]])[]): Record<string, Tree> {
  const found = changes.filter(([, steps]) => steps.length > 0)
  if (found.length === 0) return {}
  return {
    patches: found.map(([name, steps]) => {
      const { kind, metadata } = resolve(MANIFESTS[name]!, VALUES) as { kind: string; metadata: { name: string } }
      return { target: { kind, name: metadata.name }, patch: yaml(steps as unknown as Tree) }
    }),
  }
}
