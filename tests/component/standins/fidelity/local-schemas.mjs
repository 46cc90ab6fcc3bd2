// Let the compliance suite run here, unchanged in what it checks. Loaded with `node --import`.
// 1. It would fetch its schemas from the internet and write its report among its own files: both are told.
// 2. Its schema reader uses tests of node:util that Node 23 removed (DEP0044 to DEP0058): they are put back. Goes when
//    @ipfs-shipyard/pinning-service-compliance no longer needs enjoi's old release.
import { createRequire, register } from 'node:module'

const util = createRequire(import.meta.url)('node:util')
const lost = {
  isArray: Array.isArray,
  isBoolean: (value) => typeof value === 'boolean',
  isFunction: (value) => typeof value === 'function',
  isNull: (value) => value === null,
  isNumber: (value) => typeof value === 'number',
  isObject: (value) => value !== null && typeof value === 'object',
  isString: (value) => typeof value === 'string',
  isUndefined: (value) => value === undefined
}
Object.assign(util, lost)

const hooks = `
let told
export function initialize(data) { told = data }
export async function load(url, context, next) {
  const loaded = await next(url, context)
  if (!url.endsWith('/pinning-service-compliance/dist/src/utils/constants.js')) return loaded
  const source = String(loaded.source)
    .replace(/const specLocation = .*/, 'const specLocation = ' + JSON.stringify(told.schemas))
    .replace(/const docsDir = .*/, 'const docsDir = ' + JSON.stringify(told.report))
  return { ...loaded, source }
}`
const data = { schemas: process.env.PINNING_SCHEMAS, report: process.env.PINNING_REPORT }
register(`data:text/javascript,${encodeURIComponent(hooks)}`, import.meta.url, { data })
