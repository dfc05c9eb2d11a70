/**
 * Looks behind the answers for processes that hold a connection beside the program it was opened by. It never delays an answer and
 * takes nothing back that has left: what it finds ends the connection, and the gate knows of it before the next request.
 */
import type { Duplex } from 'node:stream';
import type { Caller, Peer } from '../caller/caller.ts';
import type { Grant } from '../grant/grants.ts';
import type { Clock, Log } from '../ports.ts';
import { type Ms, ms, seconds } from '../units.ts';
import type { Gate } from './gate.ts';

/** A connection that was let in, and who was on its other end then. */
export interface Connection {
  readonly socket: Duplex;
  readonly caller: Caller;
  readonly peer: Peer;
  /** Running time from which on an answer with a token has the holders looked at. */
  nextLook: number;
}

/** Most programs that ask once have hung up by then, and a connection that is gone costs no walk through everybody's files. */
const lookDelay: Ms = ms(100);
const lookEvery: Ms = seconds(30);

export interface HolderWatch {
  /** A token has left on this connection. */
  answered(grant: Grant, connection: Connection): void;
}

export function createHolderWatch({ clock, gate, log }: { clock: Clock; gate: Pick<Gate, 'soleHolder'>; log: Log }): HolderWatch {
  async function look(grant: Grant, { socket, caller, peer }: Connection): Promise<void> {
    if (grant.state !== 'live') return;
    let sole = false;
    try {
      sole = await gate.soleHolder(grant, caller, peer);
    } catch (error) {
      // Nobody knows who listens: an honest client opens another connection.
      log('broker.internal', { at: 'holders', error: error instanceof Error ? error.name : typeof error });
    }
    // check: sole-holder
    if (!sole) socket.destroy();
    // end check
  }

  return {
    answered(grant, connection) {
      const now = clock.elapsed();
      if (now < connection.nextLook) return;
      connection.nextLook = now + lookEvery;
      clock.after(lookDelay, () => void look(grant, connection));
    },
  };
}
