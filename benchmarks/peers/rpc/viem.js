// viem's transports as its documentation shows them: http, fallback, and fallback that ranks.
//
// Source: viem 2.57 clients/transports/fallback.ts (rank: interval, sampleCount, weights; off by default).

import { createPublicClient, fallback, http } from 'viem'
import { mainnet } from 'viem/chains'
import { run } from './load.js'

const RANK_INTERVAL_MS = 1000 // the default, 4 s, would not see an 8 s fault

function transport({ candidate, a, b }) {
  if (candidate === 'viem_single') return http(a)
  const rank = candidate === 'viem_rank' ? { interval: RANK_INTERVAL_MS } : false
  return fallback([http(a), http(b)], { rank })
}

await run((asked) => {
  const client = createPublicClient({ chain: mainnet, transport: transport(asked) })
  return {
    ask: (method, params) => client.request({ method, params }),
    broadcast: (serializedTransaction) => client.sendRawTransaction({ serializedTransaction }),
  }
})
