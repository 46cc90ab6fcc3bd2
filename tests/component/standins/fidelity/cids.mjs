// Print the CID that ipfs-unixfs-importer gives to made-up content: one line for each [profile, bytes] of the argument.
// Profiles: chunk bytes, links of a node, raw leaves, CID version. Content: byte i is (7 i + 13 ⌊i / 256⌋) mod 256.
import { argv } from 'node:process'
import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'

const nowhere = { put: async (cid) => cid }
for (const [[chunkSize, maxChildrenPerNode, rawLeaves, cidVersion], size] of JSON.parse(argv[2])) {
  const content = new Uint8Array(size)
  for (let at = 0; at < size; at++) content[at] = (at * 7 + (at >> 8) * 13) & 255
  const options = {
    chunker: fixedSize({ chunkSize }),
    layout: balanced({ maxChildrenPerNode }),
    rawLeaves,
    cidVersion,
    reduceSingleLeafToSelf: true
  }
  let last
  for await (const entry of importer([{ path: 'file', content }], nowhere, options)) last = entry
  console.log(String(last.cid))
}
