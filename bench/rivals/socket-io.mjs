// A server of socket.io. It prints its port; a line of its input is a message for all who are connected.

import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { Server } from 'socket.io'

const http = createServer()
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false })
http.listen(0, '127.0.0.1', () => console.log(http.address().port))
createInterface({ input: process.stdin }).on('line', (line) => io.emit('news', line))
process.stdin.on('end', () => process.exit())
