/**
 * Which user is on the other end of a loopback connection, as the kernel says. It answers about the user only, never about the
 * program, and "nobody can say" (null) is an ordinary answer that must never be read as "ours".
 */
import type { Peer } from './caller.ts';
import { keyOf } from './connection-rows.ts';
import { type CallerThread, createCallerThread } from './thread.ts';

export interface PeerUid {
  /**
   * The uid that owns the other end of a connection between two ends of 127.0.0.1, or of ::1; null when the system cannot say (the peer has
   * gone, its socket has no owner, the table cannot be read). Look-ups that wait are answered together.
   */
  lookup(peer: Peer): Promise<number | null>;
  close(): Promise<void>;
}

/**
 * @param parts.worker as in `createCallerThread`
 * @param parts.thread one that others use too; closing it is then left to them
 * @throws AppError PLATFORM_UNSUPPORTED: not Linux
 */
export function createPeerUid({ worker, thread: shared }: { worker?: URL; thread?: CallerThread } = {}): PeerUid {
  const thread = shared ?? createCallerThread(worker && { worker });
  return {
    async lookup({ localPort, remotePort, v6 }) {
      const { uid } = await thread.ask({ about: 'owner', key: keyOf({ ourPort: localPort, peerPort: remotePort, v6 }) });
      return uid ?? null;
    },
    async close() {
      if (shared === undefined) await thread.close();
    },
  };
}
