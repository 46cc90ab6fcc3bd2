// Socket.IO the usual way: what one socket says goes to all others; with REDIS_PORT also to those of other nodes.
//
// Between: benchmarks/fanout (starts it) and wsload.c. Its own defaults, except that only WebSocket is spoken, so that
// nobody begins with polling; compression of messages is off by default since version 2.4, and stays so.

import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'

const server = createServer((_, reply) => reply.end('ok'))
const io = new Server(server, { transports: ['websocket'] })
if (process.env.REDIS_PORT) {
  const redis = () => new Redis({ port: Number(process.env.REDIS_PORT), password: process.env.REDIS_PASSWORD })
  io.adapter(createAdapter(redis(), redis()))
}
io.on('connection', (socket) => {
  socket.on('publish', (message) => socket.broadcast.emit('m', message))
})
server.listen({ port: Number(process.env.HTTP_PORT), host: '127.0.0.1', backlog: 4096 })
