// Drive a client library as rpc_failover asks: open loop, one line per call; also one broadcast, and CPU per call.
//
// Between: the library's adapter (viem.js, ethers.js) and benchmarks/failover, by stdin and stdout.
// Shape: the first line it is told is {"mode": "calls" | "send" | "cost", …}; it prints {"ready": true}, waits for a
// second line, then works. open_loop.py is the same for Python: what is asked, when, and what a line means must stay alike.
// Units: ms; `at` is CLOCK_MONOTONIC in seconds, the clock the driver and the Python peers read too.
// Invariant: a call begins at its time whatever the earlier ones do, and its ms count from then (no coordinated
// omission).

import { createInterface } from 'node:readline'

const PATTERN = ['call', 'balance', 'call', 'call', 'balance', 'block', 'call', 'balance', 'call', 'call']
// NUMBER, and BLOCKHASH(NUMBER - 1): run without a contract, it tells which block `latest` was. The salt after it is
// never executed, and makes every call another one.
const PROBE = '0x435f52600143034060205260405ff3'

export const monotonic = () => Number(process.hrtime.bigint()) / 1e9
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const salt = (seed, number) => (BigInt(seed) * 1_000_000n + BigInt(number)).toString(16)
// What the library says, without addresses: a key is part of them.
const named = (error) =>
  `${error?.code ?? ''} ${error?.name ?? 'Error'}: ${error?.message ?? error}`.replace(/https?:\S+/g, 'URL').slice(0, 160)

// What one call asks: [kind, method, params].
function question(seed, number) {
  const kind = PATTERN[number % PATTERN.length]
  if (kind === 'block') return [kind, 'eth_getBlockByNumber', ['latest', false]]
  if (kind === 'balance') return [kind, 'eth_getBalance', [`0x${salt(seed, number).padStart(40, '0')}`, 'latest']]
  return [kind, 'eth_call', [{ data: PROBE + salt(seed, number).padStart(24, '0') }, 'latest']]
}

// The block an answer speaks of; the hash is of `height`'s parent for a call, its own for a block.
function seen(kind, answer) {
  if (kind === 'block') return { height: Number(answer.number), hash: answer.hash }
  if (kind === 'call') return { height: Number(BigInt(answer.slice(0, 66))), parent: `0x${answer.slice(66, 130)}` }
  return {}
}

async function timed(ask, [kind, method, params], at) {
  try {
    const found = seen(kind, await ask(method, params))
    return { at, kind, ms: (monotonic() - at) * 1000, ok: true, ...found }
  } catch (error) {
    return { at, kind, ms: (monotonic() - at) * 1000, ok: false, error: named(error) }
  }
}

async function calls(ask, { rate, seconds, seed, drain_s }) {
  const begin = monotonic()
  const pending = new Set()
  for (let number = 0; number < rate * seconds; number++) {
    const at = begin + number / rate
    const early_ms = (at - monotonic()) * 1000
    if (early_ms > 0) await pause(early_ms)
    const asked = question(seed, number)
    const entry = { at, kind: asked[0] }
    pending.add(entry)
    timed(ask, asked, at).then((line) => pending.delete(entry) && say(line))
  }
  const end = monotonic() + drain_s
  while (pending.size > 0 && monotonic() < end) await pause(50)
  for (const { at, kind } of pending) say({ at, kind, ms: (monotonic() - at) * 1000, ok: false, error: 'unanswered' })
}

async function cost(ask, { count, at_once, seed }) {
  let next = 0
  let failed = 0
  const worker = async () => {
    while (next < count) {
      const [, method, params] = question(seed, next++ * PATTERN.length) // the first of the pattern: eth_call only
      await ask(method, params).catch(() => failed++) // a quorum that no block could give costs as much
    }
  }
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: at_once }, worker))
  const used = process.cpuUsage(before)
  say({ cpu_us: (used.user + used.system) / count, failed })
}

async function send(broadcast, { raw }) {
  const at = monotonic()
  try {
    say({ told: await broadcast(raw), ms: (monotonic() - at) * 1000 })
  } catch (error) {
    say({ error: named(error), ms: (monotonic() - at) * 1000 })
  }
}

export async function run(adapter) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const asked = JSON.parse((await lines.next()).value)
  const { ask, broadcast } = adapter(asked)
  await ask('eth_getBalance', ['0x0000000000000000000000000000000000000001', 'latest']) // connects, as a pool does when it opens
  say({ ready: true })
  await lines.next()
  if (asked.mode === 'calls') await calls(ask, asked)
  else if (asked.mode === 'send') await send(broadcast, asked)
  else await cost(ask, asked)
  process.stdout.write('', () => process.exit(0))
}
