// Make vectors.json: the CIDs that the JavaScript reference gives to patterned data, at every chunk and fan-out boundary.
//
// How it was made, once:  npm install --ignore-scripts && node reference.mjs > vectors.json
// Data: byte i is i mod 251 (251 is prime, so that no two chunks of a file are alike before the 252nd), or all zero.
import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'

const KIB = 1024
const MIB = 1024 * KIB
const PIECE = 251 * 4096

async function* bytes(size, fill) {
  const piece = new Uint8Array(PIECE)
  if (fill === 'pattern') for (let i = 0; i < PIECE; i++) piece[i] = i % 251
  for (let sent = 0; sent < size; sent += PIECE) yield piece.slice(0, Math.min(PIECE, size - sent))
}

// A store that keeps nothing: only the CIDs matter.
const nowhere = { put: async (cid) => cid, get: async () => { throw new Error('nothing is kept') }, has: async () => false }

function options(profile, chunk, links) {
  const named = { 'unixfs-v1-2025': { profile }, 'unixfs-v0-2015': { profile },
    'kubo-v1-legacy': { cidVersion: 1, rawLeaves: true, chunker: fixedSize({ chunkSize: 256 * KIB }),
      layout: balanced({ maxChildrenPerNode: 174 }) } }[profile]
  if (chunk === undefined) return { ...named }
  return { ...named, chunker: fixedSize({ chunkSize: chunk }), layout: balanced({ maxChildrenPerNode: links }) }
}

async function root(source, given) {
  let last
  for await (const entry of importer(source, nowhere, given)) last = entry
  return { cid: last.cid.toString(), dag_bytes: Number(last.size) }
}

async function file(profile, size, fill = 'pattern', chunk = undefined, links = undefined) {
  return { profile, size, fill, chunk, links, ...await root([{ content: bytes(size, fill) }], options(profile, chunk, links)) }
}

const around = (n) => [n - 1, n, n + 1]
const files = []
for (const size of [0, 1, ...around(256 * KIB), ...around(MIB), 2 * MIB, 3 * MIB + 7]) files.push(await file('unixfs-v1-2025', size))
files.push(await file('unixfs-v1-2025', 1024 * MIB + 1, 'zero'))
for (const profile of ['unixfs-v0-2015', 'kubo-v1-legacy']) {
  for (const size of [0, 1, ...around(256 * KIB), 512 * KIB, ...around(174 * 256 * KIB)]) files.push(await file(profile, size))
}
// The same trees with 16-byte chunks: the boundaries of the second and third level, which real chunks reach at 1 TiB.
for (const links of [1024, 174]) {
  for (const size of [...around(16 * links), ...around(16 * links * 2)]) {
    files.push(await file('unixfs-v1-2025', size, 'pattern', 16, links))
    files.push(await file('unixfs-v0-2015', size, 'pattern', 16, links))
  }
}
for (const size of [...around(4 * 9), ...around(4 * 27), ...around(4 * 81), 4 * 243 + 1]) {
  for (const profile of ['unixfs-v1-2025', 'unixfs-v0-2015']) files.push(await file(profile, size, 'pattern', 4, 3))
}

const directories = []
for (const profile of ['unixfs-v1-2025', 'unixfs-v0-2015', 'kubo-v1-legacy']) {
  for (const entries of [
    [['1.json', 20]], [['b', 1], ['a', 2], ['a.json', 3], ['B', 4]], [['é', 5], ['z', 300000], ['日本', 1]],
    Array.from({ length: 60 }, (_, i) => [`${i}.json`, i])
  ]) {
    const source = entries.map(([path, size]) => ({ path, content: bytes(size, 'pattern') }))
    directories.push({ profile, entries, ...await root(source, { ...options(profile), wrapWithDirectory: true }) })
  }
}
const made_by = { program: 'ipfs-unixfs-importer 17.1.1 (tests/unit/ipfs/reference.mjs)', pattern: 'byte i is i mod 251' }
const lines = (rows) => rows.map((row) => '    ' + JSON.stringify(row)).join(',\n')
process.stdout.write(`{\n  "made_by": ${JSON.stringify(made_by)},\n  "files": [\n${lines(files)}\n  ],\n  "directories": [\n${lines(directories)}\n  ]\n}\n`)
