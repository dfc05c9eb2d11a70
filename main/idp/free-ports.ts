/** Whether the ports that a profile has registered for its redirect could be listened at now. Each is let go at once. */
import { createServer } from 'node:net';
import type { Profile } from '../profile/profile.ts';

export interface RedirectPorts {
  free: number[];
  taken: number[];
}

/** As a sign-in opens its door: a browser takes `localhost` for either loopback address. No ports: any free one will do. */
export async function lookAtPorts({ host, ports }: Profile['idp']['redirect']): Promise<RedirectPorts> {
  const tried = await Promise.all(ports.map(async (port) => ({ port, free: await isFree(port, host === 'localhost') })));
  return {
    free: tried.filter(({ free }) => free).map(({ port }) => port),
    taken: tried.filter(({ free }) => !free).map(({ port }) => port),
  };
}

const isFree = async (port: number, both: boolean): Promise<boolean> =>
  (await canListen(port, '127.0.0.1')) && (!both || (await canListen(port, '::1')));

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      // A machine without IPv6 has nobody there who could be in the way.
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') resolve(true);
      else if (code === 'EADDRINUSE' || code === 'EACCES') resolve(false);
      else reject(new Error(`a port could not be tried: ${code}`));
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
