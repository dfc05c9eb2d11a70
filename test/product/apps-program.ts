/**
 * A small Databricks App: what it was told, SQL and SCIM with the token of whoever asks, and a WebSocket that gives back what it hears.
 * It runs as an app does: the port from its environment, and no credential of its own.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { echoText } from '../fixtures/websocket-echo.ts';

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
  response.end('app');
});

server.on('upgrade', echoText);

server.listen(Number(DATABRICKS_APP_PORT), '127.0.0.1', function (this: Server) {
  console.log(`the app listens on ${(this.address() as AddressInfo).port}`);
});
