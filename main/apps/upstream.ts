/**
 * Connections to the app, each proven before a byte of a request goes over it: what answers on the port must be the app, or something it has
 * started. The port was free when it was chosen and the app takes its time, so another user, or another program, may have come first.
 */
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { AppError } from '../app-error.ts';
import type { Attribution, Callers, Peer } from '../caller/caller.ts';
import type { Clock } from '../ports.ts';
import { type Ms, ms, seconds } from '../units.ts';

/** The system names the owner of a connection once the app has taken it from its queue. */
const LOOK_AGAIN: Ms = ms(25);
const TAKEN_WITHIN: Ms = seconds(10);
/** Where an app may listen that was told 127.0.0.1, or `localhost`. */
const addresses = ['127.0.0.1', '::1'] as const;

export interface UpstreamParts {
  port: number;
  attribute: Callers['attribute'];
  uid: number;
  /** Whether that program is the app. */
  isApp: (found: Attribution) => boolean;
  clock: Clock;
}

/**
 * A connection to the app, and to nobody else.
 *
 * @throws AppError APP_NOT_UP: nobody listens, or nobody takes the connection. APP_NOT_OURS: somebody else does
 */
export async function connectToApp(parts: UpstreamParts): Promise<Socket> {
  const socket = await firstOf(addresses, parts.port);
  const drop = (): void => void socket.destroy();
  socket.on('error', drop);
  try {
    const found = await ownerOf(socket, parts);
    // check: apps-upstream-user
    if (found.uid !== parts.uid) throw new AppError('APP_NOT_OURS', { reason: 'user' });
    // end check
    // check: apps-upstream-program
    if (!parts.isApp(found)) throw new AppError('APP_NOT_OURS', { reason: 'program' });
    // end check
    return socket.off('error', drop);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function ownerOf(socket: Socket, { port, attribute, clock }: UpstreamParts): Promise<Attribution> {
  const { localPort, remoteAddress } = socket;
  if (localPort === undefined) throw new AppError('APP_NOT_UP', { reason: 'broken' });
  const peer: Peer = { localPort, remotePort: port, ...(remoteAddress === '::1' ? { v6: true } : {}) };
  for (const began = clock.elapsed(); !socket.destroyed && clock.elapsed() - began < TAKEN_WITHIN; ) {
    const found = await attribute(peer);
    if (found.uid !== null) return found;
    await new Promise<void>((done) => void clock.after(LOOK_AGAIN, done));
  }
  throw new AppError('APP_NOT_UP', { reason: 'slow' });
}

async function firstOf(hosts: readonly string[], port: number): Promise<Socket> {
  let why: unknown;
  for (const host of hosts) {
    try {
      return await reach(host, port);
    } catch (error) {
      why = error;
    }
  }
  throw new AppError('APP_NOT_UP', { reason: 'refused', cause: why });
}

const reach = (host: string, port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket.off('error', reject)));
  });

/** For `http.request`: each request has a connection of its own, so none goes to whoever has taken the port since. */
export class AppAgent extends Agent {
  readonly #connect: () => Promise<Socket>;
  constructor(connectTo: () => Promise<Socket>) {
    super({ keepAlive: false });
    this.#connect = connectTo;
  }
  override createConnection(_options: unknown, done?: (error: Error | null, stream: Duplex) => void): undefined {
    this.#connect().then(
      (socket) => done?.(null, socket),
      (error: Error) => done?.(error, undefined as never),
    );
    return undefined;
  }
}
