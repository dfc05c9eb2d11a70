/**
 * One connection to one server: straight or through a tunnel, and in TLS where the address is https. Certificates are always checked. A
 * failure in here comes before a byte of the request has left.
 */
import { request } from 'node:http';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import { AppError } from '../app-error.ts';
import { refusedClient, untrusted } from './tls-failures.ts';

/** A failure before the request left, whatever its cause says: neither name resolution nor TCP nor TLS carries a request. */
export class NotConnected extends Error {
  override readonly name = 'NotConnected';
  readonly code = 'NOT_CONNECTED';
}

export interface Road {
  proxy: URL | null;
  trusted: () => SecureContext;
  /** Told of every handshake that has passed, with the host and the port where it is not the usual one. */
  saw: (host: string, socket: TLSSocket) => void;
  /** Ends the attempt; its reason becomes the cause. */
  signal: AbortSignal;
}

/**
 * @throws AppError PROXY_UNREACHABLE | PROXY_REFUSED | SERVER_UNTRUSTED | CLIENT_CERTIFICATE_DEMANDED | CA_FILE_UNUSABLE
 * @throws NotConnected for everything else; the system's error is its cause
 */
export async function openConnection(url: URL, { proxy, trusted, saw, signal }: Road): Promise<Socket> {
  signal.throwIfAborted();
  const target = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)) };
  if (url.protocol === 'http:') return ready(connectPlain(target), 'connect', signal);
  const context = trusted();
  const tunnel = proxy === null ? undefined : await openTunnel(proxy, target, context, signal);
  const socket = await secured(target, { context, signal, ...(tunnel === undefined ? {} : { over: tunnel }) });
  saw(url.host, socket);
  return socket;
}

interface Target {
  host: string;
  port: number;
}

function secured(
  target: Target,
  { context, over, signal }: { context: SecureContext; over?: Socket; signal: AbortSignal },
): Promise<TLSSocket> {
  const socket = connectTls({
    ...(over === undefined ? target : { ...target, socket: over }),
    servername: isIP(target.host) === 0 ? target.host : '',
    secureContext: context,
    ALPNProtocols: ['http/1.1'],
    // Said here because Node else asks NODE_TLS_REJECT_UNAUTHORIZED, which many a company's shell profile sets.
    // check: tls-always-verified
    rejectUnauthorized: true,
    // end check
  });
  // The certificate is gone once a socket has failed: it is looked at in the moment before Node judges it.
  let issuer: string | undefined;
  socket.prependListener('secure', () => {
    issuer = issuerNameOf(socket);
  });
  // Both sides have their secrets, so the server has asked for all it wants to have before it says no.
  let hasKeys = false;
  socket.once('keylog', () => {
    hasKeys = true;
  });
  return ready(socket, 'secureConnect', signal).catch((error: NotConnected) => {
    throw untrusted(error, target.host, issuer) ?? refusedClient(error, target.host, hasKeys) ?? error;
  });
}

const issuerNameOf = (socket: TLSSocket): string | undefined => {
  const { O, CN } = socket.getPeerCertificate().issuer ?? {};
  return [CN, O].flat().find((name) => name !== undefined);
};

function ready<S extends Socket>(socket: S, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<S> {
  const { promise, resolve, reject } = Promise.withResolvers<S>();
  const give = (cause: unknown): void => {
    socket.destroy();
    reject(new NotConnected('no connection', { cause }));
  };
  const stop = (): void => give(signal.reason);
  socket.once(event, () => resolve(socket));
  socket.on('error', give);
  socket.once('close', () => give(new Error('closed')));
  signal.addEventListener('abort', stop, { once: true });
  return promise.finally(() => signal.removeEventListener('abort', stop));
}

/** CONNECT (RFC 9110 section 9.3.6). Name and password of the proxy's URL go to the proxy alone, and into no error. */
async function openTunnel(proxy: URL, { host, port }: Target, context: SecureContext, signal: AbortSignal): Promise<Socket> {
  const at: Target = { host: proxy.hostname.replace(/^\[|\]$/g, ''), port: Number(proxy.port || (proxy.protocol === 'https:' ? 443 : 80)) };
  const away = (reason: string, what: string, cause?: unknown): AppError =>
    new AppError('PROXY_UNREACHABLE', { reason, detail: `The proxy ${proxy.host} ${what}.`, ...(cause === undefined ? {} : { cause }) });
  const toProxy = proxy.protocol === 'https:' ? secured(at, { context, signal }) : ready(connectPlain(at), 'connect', signal);
  const socket = await toProxy.catch((error: unknown) => {
    throw error instanceof AppError || signal.aborted ? error : away('connection', 'does not answer', error);
  });
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const { status, schemes } = await askForTunnel(socket, authority, credentialsOf(proxy), signal).catch((error: unknown) => {
    throw signal.aborted ? error : away('connection', 'ended the connection', error);
  });
  if (status >= 200 && status < 300) return socket;
  socket.destroy();
  if (status >= 500) throw away('gateway', `answered ${status} for ${host}`);
  if (status !== 407)
    throw new AppError('PROXY_REFUSED', { reason: 'host', detail: `The proxy ${proxy.host} answered ${status} for ${host}.` });
  const asked = schemes.length === 0 ? 'a name and a password' : schemes.join(' or ');
  throw new AppError('PROXY_REFUSED', { reason: 'login', detail: `The proxy ${proxy.host} asks for ${asked}; Lakepass knows Basic.` });
}

/** The schemes with a name (RFC 9110 section 11.7.1); what else a proxy writes is not repeated. */
const knownSchemes = ['Basic', 'Digest', 'NTLM', 'Negotiate', 'Bearer'] as const;

async function askForTunnel(
  socket: Socket,
  authority: string,
  credentials: string | null,
  signal: AbortSignal,
): Promise<{ status: number; schemes: string[] }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; schemes: string[] }>();
  const asking = request({
    method: 'CONNECT',
    path: authority,
    headers: { host: authority, ...(credentials === null ? {} : { 'proxy-authorization': credentials }) },
    createConnection: () => socket,
    signal,
  });
  asking.once('connect', (response, _, early) => {
    const { statusCode = 0 } = response;
    // A server in TLS waits for us: bytes that come before could only be the proxy's own. Behind a refusal they are its page.
    if (early.length > 0 && statusCode < 300) return reject(new Error('bytes before the tunnel was used'));
    const wanted = String(response.headers['proxy-authenticate'] ?? '');
    resolve({
      status: statusCode,
      schemes: knownSchemes.filter((scheme) => new RegExp(`\\b${scheme}\\b`, 'i').test(wanted)),
    });
  });
  asking.once('error', reject);
  asking.end();
  return promise.catch((cause: unknown) => {
    socket.destroy();
    throw new NotConnected('no tunnel', { cause });
  });
}

function credentialsOf({ username, password }: URL): string | null {
  if (username === '' && password === '') return null;
  return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`;
}
