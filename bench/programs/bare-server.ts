/**
 * What everything is measured against: Node's own HTTP server, which answers whatever it is asked with the bytes it was given.
 * It takes `{ headers, body, keepAliveTimeout }` as JSON from standard input and prints its port.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

const { headers, body, keepAliveTimeout } = JSON.parse(await text(process.stdin)) as {
  headers: string[];
  body: string;
  keepAliveTimeout: number;
};
const bytes = Buffer.from(body);
const server = createServer({ keepAliveTimeout }, (_, response) => {
  response.writeHead(200, headers);
  response.end(bytes);
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
