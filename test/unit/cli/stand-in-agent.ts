/** An agent that is only its doors: the real control door, and a broker that takes nonces and attributes each to one program. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Caller, unknownCaller } from '../../../main/caller/caller.ts';
import { createControlDoor, type Route } from '../../../main/control/door.ts';
import { findPlaces, type Places } from '../../../main/places.ts';
import { nonceShape } from '../../../preload/contract/caller.ts';

export interface StandInAgent {
  home: string;
  places: Places;
  /** What the broker was asked for, in order. */
  shown: { host: string | undefined; method: string | undefined; nonce: string }[];
  /** What the broker waits for before it answers. */
  slow: Promise<unknown>;
  /** Its status for nonces from now on. */
  status: number;
  close(): Promise<void>;
}

export const somebody: Caller = {
  ...unknownCaller,
  kind: 'program',
  process: { pid: 4711, startTicks: 9, uid: 1000, executable: '/usr/bin/curl', commandLine: null, folder: null, cgroup: null },
};

/** Listens below a folder of its own, on a port that fits the file that brokers keep theirs in. */
export async function startStandInAgent(routes: readonly Route[]): Promise<StandInAgent> {
  const home = mkdtempSync(join(tmpdir(), 'lpa-'));
  const places = findPlaces({ home, env: {}, uid: process.getuid?.() ?? 0 });
  for (const folder of [places.runtime, places.state]) mkdirSync(folder, { mode: 0o700 });
  const known = new Map<string, Caller>();
  const broker = createServer(async (request, response) => {
    const nonce = String(request.url).replace(/^\/v1\/caller\//, '');
    agent.shown.push({ host: request.headers.host, method: request.method, nonce });
    await agent.slow;
    if (agent.status < 300 && nonceShape.test(nonce)) known.set(nonce, somebody);
    response.statusCode = agent.status;
    response.end(agent.status < 300 ? '' : 'refused');
  });
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
  const { port } = broker.address() as AddressInfo;
  writeFileSync(join(places.state, 'port'), `${port}\n`);
  const claim = (nonce: string): Caller | undefined => {
    const by = known.get(nonce);
    known.delete(nonce);
    return by;
  };
  const door = createControlDoor({ socketPath: places.socket, routes, claim, log: () => undefined });
  await door.start();
  const agent: StandInAgent = {
    ...{ home, places, shown: [], slow: Promise.resolve(), status: 204 },
    async close() {
      broker.closeAllConnections();
      await Promise.all([door.close(), new Promise((resolve) => broker.close(resolve))]);
      rmSync(home, { recursive: true });
    },
  };
  return agent;
}
