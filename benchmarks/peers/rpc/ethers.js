// ethers' FallbackProvider: with priorities and quorum 1 (first A, B when it must), and with quorum 2 (both agree).
//
// Source: ethers 6.17 src.ts/providers/provider-fallback.ts (stallTimeout 400 ms, quorum = half the weights, at least 1).

import { FallbackProvider, JsonRpcProvider, Network } from 'ethers'
import { run } from './load.js'

function provider({ candidate, a, b }) {
  const network = Network.from(1)
  const one = (url) => new JsonRpcProvider(url, network, { staticNetwork: network })
  if (candidate === 'ethers_single') return one(a)
  const both = [
    { provider: one(a), priority: 1, weight: 1 },
    { provider: one(b), priority: candidate === 'ethers_q2' ? 1 : 2, weight: 1 },
  ]
  return new FallbackProvider(both, network, { quorum: candidate === 'ethers_q2' ? 2 : 1 })
}

await run((asked) => {
  const ethers = provider(asked)
  const ask = {
    eth_call: ([transaction, blockTag]) => ethers.call({ ...transaction, blockTag }),
    eth_getBalance: ([address, blockTag]) => ethers.getBalance(address, blockTag),
    eth_getBlockByNumber: ([blockTag]) => ethers.getBlock(blockTag),
  }
  return {
    ask: (method, params) => ask[method](params),
    broadcast: async (raw) => (await ethers.broadcastTransaction(raw)).hash,
  }
})
