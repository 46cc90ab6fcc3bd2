// Read what the process is told: the same names that auth-service reads, so that both are given one environment.
const needed = ['HTTP_PORT', 'DATABASE_WRITER_URL', 'DATABASE_PASSWORD', 'REDIS_NODES', 'REDIS_PASSWORD',
  'TOKEN_ISSUER', 'TOKEN_AUDIENCE', 'PEER_PUBLIC_KEYS', 'PEER_SIGNING_KEY']

export function read (environment) {
  const missing = needed.filter(name => !environment[name])
  if (missing.length) throw new Error(`not set: ${missing.join(', ')}`)
  return {
    port: Number(environment.HTTP_PORT),
    databaseUrl: environment.DATABASE_WRITER_URL,
    databasePassword: environment.DATABASE_PASSWORD,
    redisNodes: environment.REDIS_NODES.split(',').map(node => {
      const [host, port] = node.split(':')
      return { host, port: Number(port) }
    }),
    redisPassword: environment.REDIS_PASSWORD,
    issuer: environment.TOKEN_ISSUER,
    audience: environment.TOKEN_AUDIENCE,
    publicKeys: JSON.parse(environment.PEER_PUBLIC_KEYS), // kid → PEM
    signingKey: environment.PEER_SIGNING_KEY // PEM of a key of the same size as auth-service's
  }
}
