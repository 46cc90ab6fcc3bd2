// The same statements as auth-service's store (src/audifi/services/auth/store), through the same PgBouncer.
import { randomUUID } from 'node:crypto'
import pg from 'pg'

pg.types.setTypeParser(1184, text => new Date(text.replace(' ', 'T') + ':00').toISOString()) // "2026-11-23 02:24:33.1+00"

const USER = `
  SELECT u.id, u.email, u.display_name, u.avatar_url, u.bio, u.social_links, u.music_platforms, u.status,
         u.email_verified, u.mfa_enabled, u.locked_until, u.plan, u.created_at, u.last_login_at,
         ARRAY(SELECT r.role FROM auth.user_roles r WHERE r.user_id = u.id
               AND (r.expires_at IS NULL OR r.expires_at > $1) ORDER BY r.role) AS roles,
         (SELECT w.address FROM auth.user_wallets w WHERE w.user_id = u.id AND w.is_primary) AS primary_wallet
    FROM auth.users u`
const LIVE = 's.revoked_at IS NULL AND s.expires_at > $2 AND s.absolute_expires_at > $2'
const SESSION = 's.id, s.user_id, s.user_agent, s.ip, s.mfa_at, s.created_at, s.last_used_at, s.expires_at, s.absolute_expires_at'
const SESSIONS_MAX = 10
const PERMISSIONS = { USER: ['read:masters', 'vote:vstudio'], ARTIST: ['create:masters', 'manage:ipo'], ADMIN: ['admin:platform', 'admin:users'] }

function account (row) {
  return {
    id: row.id, email: row.email, displayName: row.display_name, avatarUrl: row.avatar_url, bio: row.bio,
    socialLinks: row.social_links, musicPlatforms: row.music_platforms, status: row.status, roles: row.roles,
    permissions: row.roles.flatMap(role => PERMISSIONS[role] ?? []).sort(), plan: row.plan,
    walletAddress: row.primary_wallet, mfaEnabled: row.mfa_enabled, createdAt: row.created_at, lastLoginAt: row.last_login_at
  }
}

export class Store {
  constructor (settings) {
    const url = new URL(settings.databaseUrl) // given whole, pg would let it override the password
    this.pool = new pg.Pool({
      host: url.hostname, port: Number(url.port), user: url.username, database: url.pathname.slice(1),
      password: settings.databasePassword, max: 10
    })
  }

  async close () {
    await this.pool.end()
  }

  async profile (userId) {
    const { rows } = await this.pool.query(`${USER} WHERE u.id = $2 AND u.status <> 'DELETED'`, [new Date(), userId])
    if (rows.length === 0) return null
    const user = account(rows[0])
    // Wallets and faces are looked up only for those who have them, as auth-service does.
    const wallets = user.walletAddress === null ? [] : await this.wallets(userId)
    return { ...user, wallets, artist: null, producer: null }
  }

  async wallets (userId) {
    const { rows } = await this.pool.query(
      'SELECT address, chain_id, is_primary, label, verified_at, payout_enabled_at FROM auth.user_wallets WHERE user_id = $1', [userId])
    return rows.map(row => ({
      address: row.address, chainId: row.chain_id, isPrimary: row.is_primary, label: row.label, verifiedAt: row.verified_at,
      payoutEnabledAt: row.payout_enabled_at
    }))
  }

  // One transaction: spend the link, find and lock the account, open a session, make room, keep the security events.
  async login (tokenHash, opening) {
    const client = await this.pool.connect()
    try {
      await client.query('BEGIN READ WRITE')
      const opened = await this.#opened(client, tokenHash, opening)
      await client.query('COMMIT')
      return opened
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    } finally {
      client.release()
    }
  }

  async #opened (tx, tokenHash, opening) {
    const now = new Date()
    const link = await tx.query(
      `UPDATE auth.magic_link_tokens SET used_at = $2
        WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING email, redirect_path, ip`, [tokenHash, now])
    if (link.rowCount === 0) return null
    const user = await this.#account(tx, link.rows[0].email, now)
    await this.#noticed(tx, 'auth.magic_link.used', user.id, null, opening, now)
    await tx.query('UPDATE auth.users SET last_login_at = $2, email_verified = true WHERE id = $1', [user.id, now])
    await tx.query(
      `SELECT count(*) = 0 OR bool_or(user_agent IS NOT DISTINCT FROM $2) AS is_known FROM auth.sessions WHERE user_id = $1`,
      [user.id, opening.userAgent])
    const session = await this.#session(tx, user, opening, now)
    await this.#noticed(tx, 'auth.login.success', user.id, session.id, opening, now)
    return { user, session }
  }

  async #account (tx, email, now) {
    const made = await tx.query(
      `INSERT INTO auth.users (id, email, display_name, email_verified, created_at, updated_at)
       VALUES ($1, $2, $3, true, $4, $4) ON CONFLICT (email) DO NOTHING RETURNING id`,
      [randomUUID(), email, email.split('@')[0], now])
    if (made.rowCount) await tx.query("INSERT INTO auth.user_roles (user_id, role, assigned_at) VALUES ($1, 'USER', $2)", [made.rows[0].id, now])
    const { rows } = made.rowCount ? made : await tx.query('SELECT id FROM auth.users WHERE email = $1', [email])
    await tx.query("SELECT 1 FROM auth.users WHERE id = $1 AND status <> 'DELETED' FOR UPDATE", [rows[0].id])
    const found = await tx.query(`${USER} WHERE u.id = $2`, [now, rows[0].id])
    return account(found.rows[0])
  }

  async #session (tx, user, opening, now) {
    const id = randomUUID()
    const expiresAt = new Date(now.getTime() + 7 * 86400e3)
    const absolute = new Date(now.getTime() + 30 * 86400e3)
    await tx.query(
      `INSERT INTO auth.sessions (id, user_id, family_id, family_hash, refresh_hash, mfa_at, user_agent, ip,
              created_at, last_used_at, rotated_at, expires_at, absolute_expires_at)
       VALUES ($1, $2, $1, $3, $4, $5, $6, $7, $8, $8, $8, $9, $10)`,
      [id, user.id, opening.familyHash, opening.refreshHash, null, opening.userAgent, opening.ip, now, expiresAt, absolute])
    await tx.query(
      `UPDATE auth.sessions SET revoked_at = $2, revoke_reason = 'EVICTED' WHERE id IN (
          SELECT s.id FROM auth.sessions s WHERE s.user_id = $1 AND ${LIVE}
           ORDER BY s.created_at DESC, s.id DESC OFFSET $3) RETURNING id`, [user.id, now, SESSIONS_MAX])
    await tx.query(`SELECT ${SESSION} FROM auth.sessions s WHERE s.id = $1 AND ${LIVE}`, [id, now])
    return { id, now: now.getTime(), expiresAt: expiresAt.getTime(), userAgent: opening.userAgent }
  }

  async #noticed (tx, name, userId, sessionId, opening, now) {
    await tx.query(
      `INSERT INTO auth.security_events (id, at, name, severity, user_id, session_id, ip, user_agent, request_id, details)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [randomUUID(), now, name, 'info', userId, sessionId, opening.ip, opening.userAgent, opening.requestId, '{}'])
  }
}
