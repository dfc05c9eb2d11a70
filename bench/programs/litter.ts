/**
 * Leaves so many sockets in TIME_WAIT, where they stay for a minute: short connections to throwaway servers of its own, spread
 * over a few ports because a client has but 28,000 of its own for each.
 *
 *   node litter.mjs COUNT
 */
import { type AddressInfo, connect, createServer } from 'node:net';

const servers = 4;
const atOnce = 32;

const ports = await Promise.all(
  Array.from({ length: servers }, () => {
    const server = createServer((socket) => socket.on('error', () => undefined).resume());
    return new Promise<number>((done) => server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port)));
  }),
);

let left = Number(process.argv[2]);

const visit = (port: number): Promise<void> =>
  new Promise((done, failed) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.end());
    socket.on('error', failed).on('close', () => done());
    socket.resume();
  });

async function litter(index: number): Promise<void> {
  while (left-- > 0) await visit(ports[index % servers] ?? 0);
}

await Promise.all(Array.from({ length: atOnce }, (_, index) => litter(index)));
process.exit(0);
