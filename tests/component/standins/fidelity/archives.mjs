// Write an archive with other people's code, or check one: @ipld/car packs, ipfs-unixfs-importer cuts.
// node archives.mjs write <file.car> <bytes>   prints the root
// node archives.mjs read <file.car>            prints {roots, blocks, wrong}
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { argv } from 'node:process'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CarBlockIterator, CarWriter } from '@ipld/car'
import { importer } from 'ipfs-unixfs-importer'

const [verb, path, size] = argv.slice(2)

async function write() {
  const content = new Uint8Array(Number(size)).map((_, at) => (at * 7 + (at >> 8) * 13) & 255)
  const blocks = []
  const store = {
    put: async (cid, bytes) => {
      blocks.push({ cid, bytes })
      return cid
    }
  }
  let last
  for await (const entry of importer([{ path: 'file', content }], store, { profile: 'unixfs-v1-2025' })) last = entry
  const { writer, out } = CarWriter.create([last.cid])
  const written = pipeline(Readable.from(out), createWriteStream(path))
  for (const block of blocks) await writer.put(block)
  await writer.close()
  await written
  console.log(String(last.cid))
}

async function read() {
  const found = await CarBlockIterator.fromIterable(createReadStream(path))
  let [blocks, wrong] = [0, 0]
  for await (const { cid, bytes } of found) {
    const digest = createHash('sha256').update(bytes).digest()
    blocks += 1
    wrong += digest.equals(Buffer.from(cid.multihash.digest)) ? 0 : 1
  }
  console.log(JSON.stringify({ roots: (await found.getRoots()).map(String), blocks, wrong }))
}

await { write, read }[verb]()
