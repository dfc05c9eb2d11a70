/**
 * A small Databricks App: what it was told, SQL and SCIM with the token of whoever asks, and a WebSocket that gives back what it hears.
 * It runs as an app does: the port from its environment, and no credential of its own.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const { DATABRICKS_HOST = '', DATABRICKS_APP_PORT = '' } = process.env;
const tokenOf = (request: IncomingMessage): string => String(request.headers['x-forwarded-access-token']);

async function ask(path: string, request: IncomingMessage, body?: object): Promise<unknown> {
  const answer = await fetch(new URL(path, DATABRICKS_HOST), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${tokenOf(request)}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: await answer.json() };
}

const page = `<!doctype html><title>App</title><h1>app</h1><script>
const socket = new WebSocket('ws://' + location.host + '/echo');
socket.onopen = () => socket.send('hello');
socket.onmessage = ({ data }) => { document.title = 'heard ' + data; };
</script>`;

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://app');
  const json = (value: unknown): void => void response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
  if (pathname === '/headers') return json({ headers: request.headers, env: process.env });
  if (pathname === '/me') return json(await ask('/api/2.0/preview/scim/v2/Me', request));
  if (pathname === '/sql') {
    const { body } = (await ask('/api/2.0/sql/warehouses', request)) as { body: { warehouses: { id: string }[] } };
    const statement = { statement: 'SELECT current_user() AS who', warehouse_id: body.warehouses[0]?.id, wait_timeout: '30s' };
    return json(await ask('/api/2.0/sql/statements', request, statement));
  }
  response.setHeader('content-type', 'text/html').end(page);
});

/** RFC 6455, as far as one short text message goes. */
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.on('error', () => socket.destroy());
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.on('data', (frame: Buffer) => {
    const length = (frame[1] ?? 0) & 0x7f;
    if (((frame[0] ?? 0) & 0x0f) !== 1 || length > 125) return void socket.end();
    const mask = frame.subarray(2, 6);
    const text = frame.subarray(6, 6 + length).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    socket.write(Buffer.concat([Buffer.from([0x81, length]), text]));
  });
});

server.listen(Number(DATABRICKS_APP_PORT), '127.0.0.1', function (this: Server) {
  console.log(`the app listens on ${(this.address() as AddressInfo).port}`);
});
