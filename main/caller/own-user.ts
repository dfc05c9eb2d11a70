/**
 * Lets a door's connections in by the user behind them, before a byte they sent is read. A connection of another user, or of
 * nobody the system can name, is closed without an answer.
 */
import type { Socket } from 'node:net';
import { type Attribution, type Caller, type Peer, unknownCaller } from './caller.ts';

/** Longer than any pass through the socket table; after it the connection is closed. */
const lookupTimeoutMs = 5000;

export type Dropped = { why: 'foreign-user'; uid: number | null } | { why: 'address' } | { why: 'busy' };

export interface Entrance {
  /** For a server made with `pauseOnConnect: true`. */
  receive(socket: Socket): void;
  /** Closes the connections that still wait. */
  close(): void;
}

/**
 * @param parts.lookUp asked once for each connection; it must not throw
 * @param parts.admit gets a connection of our own user and who is on its other end; it is still paused
 * @param parts.dropped told of each connection that was closed
 * @param parts.v6 connections from ::1 to ::1 are looked up as well, for a door that listens there
 * @param parts.waitingLimit connections that may wait for a look-up; more are closed at once
 */
export function createEntrance(parts: {
  lookUp: (peer: Peer) => Promise<Attribution>;
  uid: number;
  v6?: boolean;
  waitingLimit: number;
  admit: (socket: Socket, caller: Caller) => void;
  dropped: (what: Dropped) => void;
}): Entrance {
  const waiting = new Set<Socket>();

  function drop(socket: Socket, what: Dropped): void {
    socket.destroy();
    parts.dropped(what);
  }

  async function lookUp({ localPort, remotePort, remoteAddress }: Socket): Promise<Attribution> {
    if (localPort === undefined || remotePort === undefined) return { uid: null, caller: unknownCaller };
    return parts.lookUp({ localPort, remotePort, ...(remoteAddress === '::1' ? { v6: true } : {}) });
  }

  const lookedUp = new Set(['127.0.0.1', '::ffff:127.0.0.1', ...(parts.v6 === true ? ['::1'] : [])]);

  async function decide(socket: Socket): Promise<void> {
    const ignore = (): void => undefined;
    const giveUp = (): void => void socket.destroy();
    socket.on('error', ignore).setTimeout(lookupTimeoutMs, giveUp);
    waiting.add(socket);
    const { uid, caller } = await lookUp(socket);
    waiting.delete(socket);
    if (socket.destroyed) return;
    // check: peer-own-user
    if (uid !== parts.uid) return drop(socket, { why: 'foreign-user', uid });
    // end check
    socket.setTimeout(0).off('timeout', giveUp).off('error', ignore);
    parts.admit(socket, caller);
  }

  return {
    receive(socket) {
      // A process can bind its end to any address of the machine; only rows between two ends of one loopback address are looked up.
      // check: peer-address
      if (!lookedUp.has(socket.remoteAddress ?? '')) return drop(socket, { why: 'address' });
      // end check
      // check: peer-waiting-limit
      if (waiting.size >= parts.waitingLimit) return drop(socket, { why: 'busy' });
      // end check
      void decide(socket);
    },
    close() {
      for (const socket of waiting) socket.destroy();
      waiting.clear();
    },
  };
}
