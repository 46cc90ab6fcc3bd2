// What goes in and out; Fastify compiles these into validators and serialisers.
const text = { type: 'string' }
const maybe = { type: ['string', 'null'] }
const texts = { type: 'array', items: text }
const links = { type: 'object', additionalProperties: text }

const user = {
  id: text, email: text, displayName: text, avatarUrl: maybe, bio: maybe, socialLinks: links, musicPlatforms: links,
  status: text, roles: texts, permissions: texts, plan: text, walletAddress: maybe, mfaEnabled: { type: 'boolean' },
  createdAt: text, lastLoginAt: maybe
}
const wallet = {
  type: 'object',
  properties: {
    address: text, chainId: { type: 'integer' }, isPrimary: { type: 'boolean' }, label: maybe, verifiedAt: text, payoutEnabledAt: text
  }
}
const face = { type: ['object', 'null'], additionalProperties: true }

export const profile = {
  response: {
    200: {
      type: 'object',
      properties: {
        data: { type: 'object', properties: { ...user, wallets: { type: 'array', items: wallet }, artist: face, producer: face } }
      }
    }
  }
}

export const verify = {
  body: {
    type: 'object', required: ['token'], additionalProperties: false,
    properties: { token: { type: 'string', minLength: 16, maxLength: 128 }, email: text }
  },
  response: {
    200: {
      type: 'object',
      properties: {
        accessToken: text, tokenType: text, expiresIn: { type: 'integer' }, csrfToken: text,
        user: { type: 'object', properties: user }
      }
    }
  }
}
