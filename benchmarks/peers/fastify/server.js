// The yardstick: GET /user/profile and POST /auth/verify-magic-link as a careful team would write them with Fastify.
// The same work as auth-service for each request: access token (RS256, kid, iss, aud), session in Redis, the same limits
// in Redis, the same SQL through the same PgBouncer, schema on the way in and out, one line of log.
// It does less than auth-service in one respect: no metrics and no traces.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import Redis from 'ioredis'
import { createSigner, createVerifier } from 'fast-jwt'
import * as schemas from './schemas.js'
import { count, define, sessionKey } from './counters.js'
import { read } from './settings.js'
import { Store } from './store.js'

const settings = read(process.env)
const store = new Store(settings)
const redis = new Redis.Cluster(settings.redisNodes, {
  redisOptions: { password: settings.redisPassword }, enableAutoPipelining: true
})
define(redis)

const EVERYWHERE_IP = [{ name: 'ip', count: 1000, windowS: 60 }, { name: 'ip-burst', count: 100, windowS: 1 }]
const AUTH_POST = { name: 'auth-post', count: 10, windowS: 60 }
const VERIFY = { name: 'magic-link-verify', count: 10, windowS: 3600 }
const PER_USER = [{ name: 'user', count: 10000, windowS: 60 }, { name: 'profile', count: 30, windowS: 60 }]

const verify = createVerifier({
  key: async ({ header }) => settings.publicKeys[header.kid],
  algorithms: ['RS256'], allowedIss: settings.issuer, allowedAud: settings.audience, clockTolerance: 30000,
  cache: 20000
})
const sign = createSigner({
  key: async () => settings.signingKey, algorithm: 'RS256', kid: 'peer', iss: settings.issuer, aud: settings.audience,
  expiresIn: 900000
})

const app = Fastify({
  logger: { level: 'info' }, trustProxy: '127.0.0.0/8', requestIdHeader: 'x-request-id', disableRequestLogging: true,
  genReqId: () => `req_${randomUUID().replaceAll('-', '')}`
})
app.setErrorHandler((error, request, reply) => {
  const status = error.statusCode ?? 500
  reply.code(status).send({ error: { code: error.code ?? 'INTERNAL_ERROR', message: error.message }, requestId: request.id })
})
app.addHook('onSend', async (request, reply) => {
  reply.header('x-request-id', request.id).header('cache-control', 'no-store')
})
app.addHook('onResponse', async (request, reply) => {
  request.log.info({
    requestId: request.id, method: request.method, path: request.routeOptions.url, statusCode: reply.statusCode,
    durationMs: reply.elapsedTime, ipAddress: request.ip, userAgent: request.headers['user-agent']
  }, 'request')
})

function refuse (status, code, message) {
  return Object.assign(new Error(message), { statusCode: status, code })
}

async function identify (request) {
  const header = request.headers.authorization ?? ''
  if (!header.startsWith('Bearer ')) throw refuse(401, 'UNAUTHORIZED', 'A valid access token is required.')
  let claims
  try {
    claims = await verify(header.slice(7))
  } catch {
    throw refuse(401, 'UNAUTHORIZED', 'A valid access token is required.')
  }
  const session = await redis.get(sessionKey(claims.sid))
  if (session === null || session === 'revoked') throw refuse(401, 'UNAUTHORIZED', 'A valid access token is required.')
  request.principal = { userId: claims.sub, sessionId: claims.sid, record: JSON.parse(session) }
}

async function limit (reply, ...counts) {
  const standings = await Promise.all(counts)
  if (standings.includes(null)) throw refuse(429, 'RATE_LIMITED', 'Too many requests; wait and try again.')
  const strictest = standings.reduce((a, b) => (b.remaining < a.remaining ? b : a))
  reply.header('x-ratelimit-limit', strictest.limit).header('x-ratelimit-remaining', strictest.remaining)
    .header('x-ratelimit-reset', strictest.reset)
}

app.get('/user/profile', { schema: schemas.profile }, async (request, reply) => {
  await identify(request)
  const { userId } = request.principal
  await limit(reply, count(redis, 'ip', request.ip, EVERYWHERE_IP), count(redis, 'user', userId, PER_USER))
  const profile = await store.profile(userId)
  if (profile === null) throw refuse(404, 'USER_NOT_FOUND', 'There is no such user.')
  return { data: profile }
})

const hash = text => createHash('sha256').update(text).digest()
const newToken = bytes => randomBytes(bytes).toString('base64url')

app.post('/auth/verify-magic-link', { schema: schemas.verify }, async (request, reply) => {
  await limit(reply, count(redis, 'ip', request.ip, [...EVERYWHERE_IP, AUTH_POST, VERIFY]))
  const family = newToken(16)
  const refresh = `${family}.${newToken(32)}`
  const opened = await store.login(hash(request.body.token), {
    familyHash: hash(family), refreshHash: hash(refresh), ip: request.ip,
    userAgent: (request.headers['user-agent'] ?? '').slice(0, 512), requestId: request.id
  })
  if (opened === null) throw refuse(401, 'INVALID_TOKEN', 'This link is not valid; request a new one.')
  const { user, session } = opened
  const record = { userId: user.id, roles: user.roles, mfa: 'none', createdS: Math.floor(session.now / 1000),
    expiresS: Math.floor(session.expiresAt / 1000), device: session.userAgent, plan: user.plan }
  await redis.set(sessionKey(session.id), JSON.stringify(record), 'EX', 86400)
  request.log.info({ requestId: request.id, securityEvent: 'auth.login.success', userId: user.id }, 'auth.login.success')
  const accessToken = await sign({ sub: user.id, sid: session.id, jti: randomUUID(), roles: user.roles, plan: user.plan,
    wallet: user.walletAddress, mfa: 'none', amr: ['link'] })
  const csrf = hash(`csrf:${family}`).toString('hex').slice(0, 43)
  reply.header('set-cookie', [
    `refresh_token=${refresh}; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Strict`,
    `csrf_token=${csrf}; Max-Age=604800; Path=/; Secure; SameSite=Strict`
  ])
  return { accessToken, tokenType: 'Bearer', expiresIn: 900, csrfToken: csrf, user }
})

app.get('/health', async () => ({ status: 'ok' }))

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    await app.close()
    await store.close()
    redis.disconnect()
  })
}
await app.listen({ host: '127.0.0.1', port: settings.port })
