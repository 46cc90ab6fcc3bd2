// Use Pinata's own SDK as its pages show, against the stand-in; prints one JSON object of what it got.
// node sdk.mjs <base url> <token> <archive.car>
import { readFile } from 'node:fs/promises'
import { argv } from 'node:process'
import { PinataSDK } from 'pinata'

const [base, token, archive] = argv.slice(2)
const made = (pinataJwt) =>
  new PinataSDK({
    pinataJwt,
    pinataGateway: 'example.mypinata.cloud',
    endpointUrl: `${base}/v3`,
    uploadUrl: `${base}/v3`,
    legacyUploadUrl: `${base}/pinning/pinFileToIPFS`
  })
const BIG = 95 * 1024 * 1024 // above the 90 MiB from which the SDK uploads in pieces

const pinata = made(token)
const got = {}
got.file = await pinata.upload.public.file(new File(['hello from the SDK'], 'a.txt', { type: 'text/plain' }))
got.again = await pinata.upload.public.file(new File(['hello from the SDK'], 'a.txt', { type: 'text/plain' }))
got.json = await pinata.upload.public.json({ name: 'share', n: 1 }).name('meta.json').keyvalues({ share: '1' })
got.listed = (await pinata.files.public.list().cid(got.file.cid)).files
got.byKeyvalues = (await pinata.files.public.list().keyvalues({ share: '1' })).files
got.folder = await pinata.upload.public.fileArray([new File(['1'], '1.json'), new File(['2'], '2.json')])
got.archive = await pinata.upload.public.file(new File([await readFile(archive)], 'a.car')).car()
const bytes = new Uint8Array(BIG)
for (let at = 0; at < BIG; at += 1024) bytes[at] = (at / 1024) & 255
got.big = await pinata.upload.public.file(new File([bytes], 'big.bin'))
got.byCid = await pinata.upload.public.cid(got.file.cid).name('again')
got.queue = await pinata.files.public.queue()
try {
  await made('not.the.token').upload.public.file(new File(['x'], 'x.txt'))
} catch (error) {
  got.refused = { name: error.constructor.name, status: error.statusCode }
}
got.deleted = await pinata.files.public.delete([got.file.id])
got.afterwards = (await pinata.files.public.list().cid(got.file.cid)).files
console.log(JSON.stringify(got))
