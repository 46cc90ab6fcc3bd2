// Count requests in Redis by the same script, keys and rules as kernel/limits.py: two windows per rule, one call per
// identity. Answers the strictest standing, or null when a rule refuses.
import zlib from 'node:zlib'
import { readFileSync } from 'node:fs'

const TAGS = ['r0', 'r3', 'r4', 'r7', 'r8', 'r11', 'r12', 'r15', 'r16', 'r19', 'r20', 'r24', 'r28', 'r33', 'r37', 'r41']
const SESSION_TAGS = ['s2', 's6', 's10', 's11', 's14', 's15', 's18', 's19', 's20', 's21', 's24', 's25', 's29', 's32', 's36', 's43']
const SCRIPT = readFileSync(new URL('./limits.lua', import.meta.url), 'utf8')

const tag = (tags, id) => tags[zlib.crc32(id) % tags.length]
export const sessionKey = id => `session:{${tag(SESSION_TAGS, id)}}:${id}`

export function define (redis) {
  redis.defineCommand('countRequest', { lua: SCRIPT })
}

export async function count (redis, scope, identity, rules) {
  const place = tag(TAGS, identity)
  const keys = rules.map(rule => `ratelimit:{${place}}:${scope}:${identity}:${rule.name}`)
  const answer = await redis.countRequest(keys.length, ...keys, ...rules.flatMap(rule => [rule.count, rule.windowS]))
  const now = Number(answer[0]) + Number(answer[1]) / 1e6
  let strictest = null
  for (const [index, rule] of rules.entries()) {
    const elapsed = now % rule.windowS
    const used = Number(answer[3 + 2 * index]) + Number(answer[2 + 2 * index]) * (rule.windowS - elapsed) / rule.windowS
    if (used + 1 > rule.count) return null
    const remaining = Math.max(0, Math.floor(rule.count - used - 1))
    if (strictest === null || remaining < strictest.remaining) {
      strictest = { limit: rule.count, remaining, reset: Math.ceil(now - elapsed + 2 * rule.windowS) }
    }
  }
  return strictest
}
