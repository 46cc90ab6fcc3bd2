// Print the CID that ipfs-unixfs-importer gives to a folder: {"path": "text", …}, in the argument.
import { argv } from 'node:process'
import { importer } from 'ipfs-unixfs-importer'

const nowhere = { put: async (cid) => cid }
const files = Object.entries(JSON.parse(argv[2])).map(([path, text]) => ({ path, content: new TextEncoder().encode(text) }))
let last
for await (const entry of importer(files, nowhere, { rawLeaves: true, cidVersion: 1, wrapWithDirectory: true })) last = entry
console.log(String(last.cid))
