/** The metadata route with fakes all around it, and clients whose every byte is kept with what the audit log held when it left. */
import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { createTally } from '../../../main/audit/tally.ts';
import type { Seen } from '../../../main/broker/guard.ts';
import { type Connection, createHolderWatch } from '../../../main/broker/holders.ts';
import { createMetadataRoute, metadataPath } from '../../../main/broker/metadata.ts';
import { createServing } from '../../../main/broker/serving.ts';
import { type Caller, unknownCaller } from '../../../main/caller/caller.ts';
import type { Grant, GrantEnd, Grants } from '../../../main/grant/grants.ts';
import type { Timed } from '../../../main/timed.ts';
import { minutes, seconds } from '../../../main/units.ts';
import type { FailureCode } from '../../../preload/contract/failure.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { strictGate } from '../../fakes/strict-gate.ts';
import { SUBJECT, TOKEN_MARK, tokenSource } from '../../fakes/token-source.ts';

const WORKSPACE = 'https://acme.cloud.databricks.com';
const SECRET = 's'.repeat(43);

/** What the clients are that a wait is made for. */
export const PYTHON = { userAgent: 'python-requests/2.34.2', versionInLowerCase: false };
export const JAVASCRIPT = { userAgent: undefined, versionInLowerCase: true };
export const GO = { userAgent: 'cli/0.299.0 databricks-sdk-go/0.90.0 go/1.25 os/linux', versionInLowerCase: false };
export const CURL = { userAgent: 'curl/8.14.1', versionInLowerCase: false };

export function openRoute({ life = minutes(60), profile = 'acme' } = {}) {
  const clock = fakeClock();
  const audit = recordingAudit();
  const gate = strictGate();
  const tokens = tokenSource(clock, life);
  const logged: string[] = [];
  const refused: FailureCode[] = [];
  const used: string[] = [];
  const timed: Timed[] = [];
  const log = (event: string, fields = {}) => void logged.push(`${event} ${JSON.stringify(fields)}`);

  const maker = { title: 'lakepass', kind: 'program', aiAgent: null };
  const grant = { id: 'g1', profile, subject: SUBJECT, workspace: WORKSPACE, scopes: ['sql'], state: 'live', maker } as unknown as Grant;
  const listeners: ((grant: Grant, why: GrantEnd) => void)[] = [];
  const grants = {
    find: (secret: string) => (secret === SECRET ? grant : undefined),
    onEnd: (listener: (typeof listeners)[number]) => void listeners.push(listener),
    used: ({ id }: Grant) => void used.push(id),
  } as unknown as Grants;
  const end = (state: 'revoked' | 'expired') => {
    Object.assign(grant, { state });
    for (const listener of listeners) listener(grant, state);
  };

  const serving = createServing({ clock, grants, lease: () => seconds(300), onUse: undefined, audit, log });
  const route = createMetadataRoute({
    ...{ clock, grants, gate, serving, audit, log },
    tokens: (name) => (name === 'acme' ? tokens : undefined),
    holders: createHolderWatch({ clock, gate, log }),
    tally: createTally({ clock, audit, log }),
    onRefused: (_, { code }) => void refused.push(code),
    timed: (each) => void timed.push(each),
  });

  /** One request over a connection of its own, unless it is given one. */
  function ask(agent: Pick<Seen, 'userAgent' | 'versionInLowerCase'> = CURL, connection = connect()) {
    const request = new IncomingMessage(connection.socket as Socket);
    [request.httpVersionMajor, request.httpVersionMinor, request.method] = [1, 1, 'GET'];
    const response = new ServerResponse(request);
    response.assignSocket(connection.socket as Socket);
    response.on('finish', () => response.detachSocket(connection.socket as Socket));
    const seen = { target: `${metadataPath}${SECRET}`, workspace: WORKSPACE, ...agent } as Seen;
    const refusal = route.serve(seen, connection, response);
    return {
      refusal,
      response,
      connection,
      /** Records of served tokens there were when the first byte of a token left. */
      get recordsBefore() {
        return connection.sent.find(({ text }) => text.includes(TOKEN_MARK))?.records;
      },
      get text() {
        return connection.sent.map(({ text }) => text).join('');
      },
      get answer() {
        return parse(connection.sent.map(({ text }) => text).join(''));
      },
      hangUp: () => new Promise<void>((resolve) => void connection.socket.once('close', resolve).destroy()),
    };
  }

  function connect(caller: Caller = { ...unknownCaller }): Connection & { sent: { text: string; records: number }[] } {
    const sent: { text: string; records: number }[] = [];
    const socket = new Duplex({
      read: () => undefined,
      write(chunk, _encoding, done) {
        sent.push({ text: String(chunk), records: audit.of('token.served').length });
        done();
      },
    });
    return { socket, caller, sent, peer: { localPort: 1, remotePort: 2 }, nextLook: Number.NEGATIVE_INFINITY };
  }

  return { clock, audit, gate, tokens, logged, refused, used, timed, grant, end, ask, connect };
}

export interface ParsedAnswer {
  status: number;
  headers: string;
  /** As it came, spaces and all. */
  body: string;
  json: { access_token?: string; expires_on?: number; error?: FailureCode };
}

/** Takes an answer apart as a client does: by its length, or chunk by chunk to the last; undefined while it is not complete. */
function parse(text: string): ParsedAnswer | undefined {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
  const after = rest.join('\r\n\r\n');
  const body = /\r\nTransfer-Encoding: chunked/i.test(head) ? dechunk(after) : after;
  if (body === undefined || Number.isNaN(status)) return undefined;
  return { status, headers: head, body, json: JSON.parse(body) };
}

function dechunk(text: string): string | undefined {
  let body = '';
  for (let rest = text; ; ) {
    const size = /^([0-9a-f]+)\r\n/.exec(rest);
    if (size === null) return undefined;
    const length = Number.parseInt(size[1] ?? '', 16);
    if (length === 0) return body;
    body += rest.slice(size[0].length, size[0].length + length);
    rest = rest.slice(size[0].length + length + 2);
  }
}
