/**
 * Callers on Linux: one thread looks, this file makes sense of what it saw. Facts are read anew for each connection, because a
 * process can become another program (execve) without a new pid or start time; nothing is remembered but where to look first.
 */
import { type Attribution, type Caller, type Callers, type Peer, unknownCaller } from './caller.ts';
import { keyOf } from './connection-rows.ts';
import type { Finding } from './lookout.ts';
import { createPeerUid, type PeerUid } from './peer-uid.ts';
import { createProcessFiles } from './process-files.ts';
import { recognise } from './recognise.ts';
import { createCallerThread } from './thread.ts';

export interface LinuxCallers extends Callers {
  /** For a door that decides by user alone: the same thread, the same passes, and no process is looked at. */
  readonly peerUid: PeerUid;
}

/**
 * @param parts.uid whose processes may be looked at; by default our own
 * @param parts.extraAiAgents base names of further programs to take for AI agents, as policy has them now
 * @param parts.proc where the proc file system is mounted
 * @param parts.worker as in `createCallerThread`
 * @throws AppError PLATFORM_UNSUPPORTED: not Linux
 */
export function createCallers(
  parts: { uid?: number; extraAiAgents?: () => readonly string[]; proc?: string; worker?: URL } = {},
): LinuxCallers {
  const { extraAiAgents = () => [], ...where } = parts;
  const thread = createCallerThread(where);
  const peerUid = createPeerUid({ thread });
  const files = createProcessFiles(parts.proc);

  const ask = (about: 'caller' | 'holders', { localPort, remotePort, v6 }: Peer): Promise<Finding> =>
    thread.ask({ about, key: keyOf({ ourPort: localPort, peerPort: remotePort, v6 }) });
  const callersIn = ({ seen }: Finding): Caller[] => seen.map((sighting) => recognise(sighting, extraAiAgents()));

  return {
    peerUid,
    async attribute(peer): Promise<Attribution> {
      const finding = await ask('caller', peer);
      return { uid: finding.uid ?? null, caller: callersIn(finding)[0] ?? unknownCaller };
    },
    async holders(peer) {
      return callersIn(await ask('holders', peer));
    },
    async inspect(pid) {
      return callersIn(await thread.ask({ about: 'process', pid }))[0] ?? null;
    },
    isAlive({ pid, startTicks }) {
      const stat = files.stat(pid);
      // check: caller-alive-start
      if (stat?.startTicks !== startTicks) return false;
      // end check
      return stat !== null;
    },
    close: () => thread.close(),
  };
}
