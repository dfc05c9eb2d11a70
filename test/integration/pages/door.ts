/** A pages door on real sockets, with real look-ups of the peer's user, a strict agent that is a fake, and files that say their names. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { type Attribution, type Caller, type Peer, unknownCaller } from '../../../main/caller/caller.ts';
import { createPeerUid, type PeerUid } from '../../../main/caller/peer-uid.ts';
import type { Assets } from '../../../main/pages/assets.ts';
import { createPages, type Pages } from '../../../main/pages/pages.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { type FakePagesAgent, fakePagesAgent } from '../../fakes/pages-agent.ts';
import { type RecordingAudit, recordingAudit } from '../../fakes/recording-audit.ts';

export type Host = '127.0.0.1' | 'lakepass.localhost';

export interface PagesDoor {
  pages: Pages;
  agent: FakePagesAgent;
  audit: RecordingAudit;
  clock: FakeClock;
  /** What the door wrote to the log. */
  logged: string[];
  /** Of the open door. */
  port(): number;
  /** A code for the UI, or for a ticket. */
  code(ticket?: string): Promise<string>;
  /** The same, exchanged. */
  bearer(ticket?: string): Promise<string>;
  close(): Promise<void>;
}

interface DoorOptions {
  uid?: number;
  lookup?: PeerUid['lookup'];
  attribute?: (peer: Peer) => Promise<Attribution>;
  caller?: Caller;
  assets?: Assets;
  pickPort?: () => number;
}

/** Every file is its own path; two hosts, as in the product. */
const namedFiles = (): Assets => ({
  load: async () => undefined,
  find: (host, path) =>
    ['/', `/${host}.js`, `/${host}.css`].includes(path) ? { type: 'text/plain', bytes: Buffer.from(`${host} ${path}`) } : undefined,
});

export async function openPagesDoor(options: DoorOptions = {}): Promise<PagesDoor> {
  const clock = fakeClock();
  const audit = recordingAudit();
  const agent = fakePagesAgent({ clock });
  const peerUid = createPeerUid();
  const lookup = options.lookup ?? ((peer: Peer) => peerUid.lookup(peer));
  const logged: string[] = [];
  const pages = createPages({
    agent,
    attribute: options.attribute ?? (async (peer) => ({ uid: await lookup(peer), caller: options.caller ?? unknownCaller })),
    uid: options.uid ?? process.getuid?.() ?? -1,
    clock,
    random: randomBytes,
    audit,
    log: (event, fields) => logged.push(`${event} ${JSON.stringify(fields ?? {})}`),
    assets: options.assets ?? namedFiles(),
    ...(options.pickPort === undefined ? {} : { pickPort: options.pickPort }),
  });
  agent.onChange = () => pages.changed();
  agent.ceremonyUrl = async (ticket) => ({ url: (await pages.ceremonyUrl(ticket)).href });
  const port = (): number => Number(new URL(pages.ceremonyOrigin()).port);
  const code = async (ticket?: string): Promise<string> =>
    (ticket === undefined ? await pages.uiUrl() : await pages.ceremonyUrl(ticket)).hash.slice(1);
  return {
    ...{ pages, agent, audit, clock, logged, port, code },
    async bearer(ticket) {
      const body = { code: await code(ticket) };
      const answer = await post(port(), '/v1/enter', body, { host: ticket === undefined ? '127.0.0.1' : 'lakepass.localhost' });
      return (JSON.parse(answer.body) as { bearer: string }).bearer;
    },
    async close() {
      await pages.close();
      await peerUid.close();
    },
  };
}

export interface CallOptions {
  host?: Host;
  bearer?: string;
  method?: string;
  /** Replaced, added or, where null, left out. */
  headers?: Record<string, string | null>;
  extra?: string[];
  /** Sent as it is in place of the JSON. */
  raw?: string;
}

/** A request as our own page makes it, with headers replaced, repeated or left out. */
export function requestText(port: number, path: string, body: unknown, options: CallOptions = {}): string {
  const { host = '127.0.0.1', bearer, method = 'POST', headers = {}, extra = [], raw: text = JSON.stringify(body) } = options;
  const hasBody = method === 'POST';
  const all: Record<string, string | null> = {
    Host: `${host}:${port}`,
    ...(hasBody
      ? {
          Origin: `http://${host}:${port}`,
          'Sec-Fetch-Site': 'same-origin',
          'Content-Type': 'application/json',
          'Content-Length': String(Buffer.byteLength(text)),
        }
      : {}),
    ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
    Connection: 'close',
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== null);
  return [`${method} ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), ...extra, '', hasBody ? text : ''].join(
    '\r\n',
  );
}

export interface RawAnswer {
  status: number;
  headers: Map<string, string>;
  body: string;
}

/** Takes one answer apart, strictly. */
export function parseAnswer(text: string): RawAnswer {
  const split = text.indexOf('\r\n\r\n');
  if (split === -1) throw new Error(`not an HTTP answer: ${JSON.stringify(text.slice(0, 80))}`);
  const [statusLine = '', ...lines] = text.slice(0, split).split('\r\n');
  const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]), headers, body: text.slice(split + 4) };
}

/** Sends bytes as they are and returns everything that comes back until the other side closes. */
export function raw(port: number, bytes: string | Buffer, { half = false, address = '127.0.0.1' } = {}): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: address, allowHalfOpen: true }, () => (half ? socket.end(bytes) : socket.write(bytes)));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

export const send = async (port: number, text: string): Promise<RawAnswer> => parseAnswer(await raw(port, text));

export const post = (port: number, path: string, body: unknown, options: CallOptions = {}): Promise<RawAnswer> =>
  send(port, requestText(port, path, body, options));

export const get = (port: number, path: string, options: CallOptions = {}): Promise<RawAnswer> =>
  send(port, requestText(port, path, null, { method: 'GET', ...options }));

export const codeOf = ({ body }: RawAnswer): string => (JSON.parse(body) as { failure: { code: string } }).failure.code;

/** A page that listens: its lines so far, and the end. */
export function listen(port: number, bearer: string, host: Host = '127.0.0.1') {
  const socket = connect(port, '127.0.0.1', () =>
    socket.write(requestText(port, '/v1/events', {}, { bearer, host, headers: { Connection: 'keep-alive' } })),
  );
  let text = '';
  let wake = (): void => undefined;
  socket.setEncoding('utf8').on('data', (more) => {
    text += String(more);
    wake();
  });
  const ended = new Promise<void>((resolve) => socket.on('error', () => undefined).on('close', () => resolve()));
  const revisions = (): number[] => [...text.matchAll(/data: \{"revision":(\d+)\}\n\n/g)].map(([, revision]) => Number(revision));
  return {
    socket,
    ended,
    revisions,
    text: () => text,
    /** Resolves with the status once an answer has begun. */
    async status(): Promise<number> {
      while (!text.includes('\r\n')) await new Promise<void>((resolve) => (wake = resolve));
      return Number(text.split(' ')[1]);
    },
    /** Resolves once that many lines have come. */
    async lines(count: number): Promise<number[]> {
      while (revisions().length < count) await new Promise<void>((resolve) => (wake = resolve));
      return revisions();
    },
  };
}
