// `ws` the usual way: what comes on /publish is sent to each other client.
//
// Between: benchmarks/fanout (starts it) and wsload.c. Compression is off by default.

import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const server = createServer((_, reply) => reply.end('ok'))
const sockets = new WebSocketServer({ server })
sockets.on('connection', (socket, request) => {
  if (request.url !== '/publish') return
  socket.on('message', (message) => {
    for (const client of sockets.clients) if (client !== socket) client.send(message, { binary: false })
  })
})
server.listen({ port: Number(process.env.HTTP_PORT), host: '127.0.0.1', backlog: 4096 })
