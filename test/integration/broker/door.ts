/** A broker on real sockets, with real look-ups of who is on the other end, real grants on the disk, a gate and a token source that count. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, createBroker } from '../../../main/broker/broker.ts';
import { type Callers, unknownCaller } from '../../../main/caller/caller.ts';
import { createCallers } from '../../../main/caller/callers.ts';
import { type Grant, type Grants, openGrants } from '../../../main/grant/grants.ts';
import { type EpochMs, hours, later, seconds } from '../../../main/units.ts';
import type { Failure } from '../../../preload/contract/failure.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { type RecordingAudit, recordingAudit } from '../../fakes/recording-audit.ts';
import { type StrictGate, strictGate } from '../../fakes/strict-gate.ts';
import { SUBJECT, type TokenSource, tokenSource } from '../../fakes/token-source.ts';

export const WORKSPACE = 'https://acme.cloud.databricks.com';
export { TOKEN_MARK } from '../../fakes/token-source.ts';

export interface Door {
  broker: Broker;
  grants: Grants;
  audit: RecordingAudit;
  clock: FakeClock;
  gate: StrictGate;
  tokens: TokenSource;
  folder: string;
  port: number;
  moved: boolean;
  refused: { grant: string; failure: Failure }[];
  used: string[];
  /** A grant, its secret in the clear and its path. */
  grant(request?: {
    scopes?: string[];
    until?: EpochMs;
    workspace?: string;
    profile?: string;
    subject?: string;
  }): Promise<{ grant: Grant; secret: string; path: string }>;
  close(): Promise<void>;
}

export interface DoorOptions {
  uid?: number;
  attribute?: Callers['attribute'];
  folder?: string;
  clock?: FakeClock;
}

/** The other end belongs to this user, and nobody knows to which program. */
export const somebodyOf = (uid: number | null): ReturnType<Callers['attribute']> => Promise.resolve({ uid, caller: unknownCaller });

export async function openDoor(options: DoorOptions = {}): Promise<Door> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'lp-door-')));
  const clock = options.clock ?? fakeClock(Date.now());
  const audit = recordingAudit();
  const grants = await openGrants({ file: join(folder, 'grants.json'), clock, random: randomBytes, audit, bootId: 'boot-1' });
  const callers = createCallers();
  const gate = strictGate();
  const tokens = tokenSource(clock);
  const refused: Door['refused'] = [];
  const used: string[] = [];
  const broker = createBroker({
    clock,
    grants,
    gate,
    audit,
    callers: { attribute: options.attribute ?? callers.attribute },
    random: randomBytes,
    uid: options.uid ?? process.getuid?.() ?? -1,
    log: () => undefined,
    portFile: join(folder, 'port'),
    tokens: (profile) => (profile === 'acme' ? tokens : undefined),
    lease: () => seconds(300),
    onUse: (profile) => used.push(profile),
    onRefused: (grant, failure) => refused.push({ grant, failure }),
  });
  const { port, moved } = await broker.start();
  return {
    ...{ broker, grants, gate, audit, clock, tokens, folder, port, moved, refused, used },
    async grant({
      scopes = ['sql'],
      until = later(clock.now(), hours(8)),
      workspace = WORKSPACE,
      profile = 'acme',
      subject = SUBJECT,
    } = {}) {
      const maker = { title: '/usr/bin/test', kind: 'program', aiAgent: null } as const;
      const named = {
        profile,
        issuer: 'https://idp.example.com',
        subject,
        workspace,
        scopes,
        until,
        label: 'test',
        approved: 'local-user',
      };
      const { grant, secret } = await grants.create({ ...named, maker, binding: { kind: 'file' } });
      return { grant, secret: secret.reveal(), path: new URL(broker.grantUrl(secret)).pathname };
    },
    async close() {
      await broker.close();
      await grants.close();
      await callers.close();
      if (options.folder === undefined) await rm(folder, { recursive: true });
    },
  };
}

/** Sends bytes as they are and returns everything that comes back until the other side closes. */
export function raw(port: number, bytes: string | Buffer, { half = false, host = '127.0.0.1' } = {}): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host, allowHalfOpen: true }, () => (half ? socket.end(bytes) : socket.write(bytes)));
    socket.on('data', (chunk) => chunks.push(chunk));
    // A reset is an answer too: what came before it counts.
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

export interface RawAnswer {
  status: number;
  headers: Map<string, string>;
  body: string;
}

/** Takes one answer apart, strictly: anything that is not HTTP/1.1 with a Content-Length that fits throws. */
export function parseAnswer(text: string): RawAnswer {
  const split = text.indexOf('\r\n\r\n');
  if (split === -1) throw new Error(`not an HTTP answer: ${JSON.stringify(text.slice(0, 80))}`);
  const [statusLine = '', ...lines] = text.slice(0, split).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  const body = text.slice(split + 4);
  if (Number(headers.get('content-length')) !== Buffer.byteLength(body, 'latin1')) throw new Error('the body is not as long as it says');
  return { status, headers, body };
}

/** A request as a stock SDK makes it, with headers replaced, repeated or left out. */
export function request(
  port: number,
  path: string,
  {
    method = 'GET',
    headers = {},
    extra = [] as string[],
  }: { method?: string; headers?: Record<string, string | null>; extra?: string[] } = {},
): string {
  const all: Record<string, string | null> = {
    Host: `127.0.0.1:${port}`,
    'X-Databricks-Metadata-Version': '1',
    'X-Databricks-Host': WORKSPACE,
    'User-Agent': 'python-requests/2.34',
    Connection: 'close',
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== null);
  return [`${method} ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), ...extra, '', ''].join('\r\n');
}

export const ask = async (port: number, path: string, options: Parameters<typeof request>[2] = {}): Promise<RawAnswer> =>
  parseAnswer(await raw(port, request(port, path, options)));
