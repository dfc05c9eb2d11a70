/**
 * The fetch that everything of ours goes out by. It exists beside Node's own because a company's network has a say in how a server is
 * reached: through a proxy, and with certificates of authorities that only this company knows.
 *
 * Each request has a connection of its own. They are rare, and one that a sleeping laptop left behind would fail when it is used again,
 * at which moment nobody could say whether a refresh token has arrived.
 */
import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { Clock, SeenCertificate } from '../ports.ts';
import { type Ms, seconds } from '../units.ts';
import { openConnection } from './connection.ts';
import { proxyFor } from './proxy.ts';
import { createSeenCertificates } from './seen-certificates.ts';
import { refusedClient } from './tls-failures.ts';
import { createTrust, type Trust } from './trust.ts';

export interface Outbound extends Pick<Trust, 'use'> {
  /**
   * As the standard has it, but for what nobody here asks for: it follows no redirect, keeps no cookie, asks for no compression.
   *
   * @throws AppError PROXY_* | SERVER_UNTRUSTED | CLIENT_CERTIFICATE_DEMANDED | CA_FILE_UNUSABLE: the request has not left
   * @throws NotConnected: it has not left either. Any other error: it may have
   */
  fetch: typeof globalThis.fetch;
  /** What servers have shown so far. */
  certificates: () => readonly SeenCertificate[];
}

/** Shorter than anybody's patience with a whole request, so that a host nobody reaches is told from one that is slow to answer. */
const CONNECT_LIMIT: Ms = seconds(8);
const withoutBody = new Set([204, 205, 304]);

export function createOutbound({ env, clock, trust = createTrust() }: { env: NodeJS.ProcessEnv; clock: Clock; trust?: Trust }): Outbound {
  const seen = createSeenCertificates(clock);
  const connect = async (url: URL, signal: AbortSignal): Promise<Socket> => {
    const late = new AbortController();
    const stop = clock.after(CONNECT_LIMIT, () => late.abort(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' })));
    try {
      const both = AbortSignal.any([signal, late.signal]);
      return await openConnection(url, { proxy: proxyFor(url, env), trusted: trust.context, saw: seen.note, signal: both });
    } finally {
      stop();
    }
  };
  return {
    use: trust.use,
    certificates: seen.list,
    async fetch(input, init) {
      const asked = new Request(input, init);
      const url = new URL(asked.url);
      const body = Buffer.from(await asked.arrayBuffer());
      const socket = await connect(url, asked.signal);
      const abort = (): void => void socket.destroy(asked.signal.reason);
      asked.signal.addEventListener('abort', abort, { once: true });
      socket.once('close', () => asked.signal.removeEventListener('abort', abort));
      return responseOf(await exchange(url, asked, body, socket));
    },
  };
}

function exchange(url: URL, { method, headers }: Request, body: Buffer, socket: Socket): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const sending = request({
    method,
    path: `${url.pathname}${url.search}`,
    headers: { ...Object.fromEntries(headers), host: url.host, ...(body.length > 0 ? { 'content-length': body.length } : {}) },
    createConnection: () => socket,
  });
  sending.once('response', resolve);
  sending.on('error', (error) => reject(refusedClient(error, url.host, false) ?? error));
  // Node tells of no error when a server changes the protocol (101) unasked: it only closes, and whoever waited would wait for ever.
  // check: outbound-always-ends
  sending.once('close', () => reject(new Error('closed without an answer')));
  // end check
  sending.end(body);
  return promise;
}

function responseOf(message: IncomingMessage): Response {
  try {
    return asResponse(message);
  } catch (error) {
    // A status or a header that no answer may have. Nobody will read the rest, so its connection would stay.
    // check: outbound-unreadable-closed
    message.destroy();
    // end check
    throw error;
  }
}

function asResponse(message: IncomingMessage): Response {
  const { statusCode: status = 0, statusMessage: statusText = '', rawHeaders } = message;
  const headers = new Headers();
  for (let index = 0; index < rawHeaders.length; index += 2) headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '');
  if (!withoutBody.has(status)) return new Response(Readable.toWeb(message) as ReadableStream<Uint8Array>, { status, statusText, headers });
  message.resume();
  return new Response(null, { status, statusText, headers });
}
