/**
 * Which headers pass, in both directions. What Databricks Apps put on a request is put on here and nowhere else: whatever a browser sends
 * under those names, in any spelling that a framework could take for one of them, is gone before.
 */
import type { Secret } from '../secret.ts';
import { cookiesOfApp, isOwnCookie } from './entry.ts';

/** The person, as an app is told. */
export interface Person {
  email: string;
  user: string;
  preferredUsername: string;
}

export interface Injected {
  person: Person;
  token: Secret;
  /** As the browser named it. */
  host: string;
  /** UUID. */
  requestId: string;
}

/** Headers as Node has them raw: names and values in turn. */
type Raw = readonly string[];

/** They belong to one connection (RFC 9110 section 7.6.1); Keep-Alive and Proxy-Connection by old custom. */
const hopByHop = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info'],
]);
/** Answered or set by us. */
const ours = new Set(['host', 'cookie', 'expect', 'content-length']);
/** No proof of the browser's reaches an app, as on the platform; `Proxy` becomes HTTP_PROXY where an app is a CGI program. */
const kept = new Set(['authorization', 'proxy', 'forwarded', 'via']);
/** What only the platform may say. */
const platform = /^x-(forwarded|databricks|lakepass)-|^x-forwarded$|^x-real-ip$|^x-request-id$/;

/** CGI and WSGI make no difference between `-` and `_` (RFC 3875 section 4.1.18); some servers take any other mark for either. */
const spelled = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-');

function pairs(raw: Raw): [string, string][] {
  const found: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) found.push([raw[index] ?? '', raw[index + 1] ?? '']);
  return found;
}

/** What `Connection` names belongs to that connection, too. */
const namedIn = (all: readonly [string, string][]): Set<string> =>
  new Set(
    all
      .filter(([name]) => name.toLowerCase() === 'connection')
      .flatMap(([, value]) => value.split(','))
      .map((name) => spelled(name.trim())),
  );

/**
 * What the app is sent. Whatever the browser's `Connection` names is taken away before our own are put on, so that it cannot take those.
 *
 * @param upgrade a WebSocket: the connection's own headers go along anew
 */
export function toApp(
  raw: Raw,
  injected: Injected,
  { method = 'GET', upgrade = false }: { method?: string; upgrade?: boolean } = {},
): string[] {
  const all = pairs(raw);
  const values = (wanted: string): string[] => all.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  let passed = all.filter(([name]) => !ours.has(spelled(name)));
  // check: apps-platform-headers
  passed = passed.filter(([name]) => !platform.test(spelled(name)));
  // end check
  // check: apps-no-authorization
  passed = passed.filter(([name]) => !kept.has(spelled(name)));
  // end check
  // check: apps-hop-by-hop
  const named = namedIn(all);
  passed = passed.filter(([name]) => !hopByHop.has(spelled(name)) && !named.has(spelled(name)));
  // end check
  const cookie = cookiesOfApp(values('cookie'));
  return [
    ...['Host', injected.host],
    ...passed.flat(),
    ...(cookie === undefined ? [] : ['Cookie', cookie]),
    ...(upgrade ? ['Connection', 'Upgrade', 'Upgrade', 'websocket'] : [...framingOf(method, values), 'Connection', 'close']),
    ...injectedHeaders(injected),
  ];
}

/** As the body comes; one that is none is said to be none. */
function framingOf(method: string, values: (name: string) => string[]): string[] {
  if (values('transfer-encoding').length > 0) return ['Transfer-Encoding', 'chunked'];
  const [length = ['POST', 'PUT', 'PATCH'].includes(method) ? '0' : undefined] = values('content-length');
  return length === undefined ? [] : ['Content-Length', length];
}

const injectedHeaders = ({ person, token, host, requestId }: Injected): string[] => [
  ...['X-Forwarded-Access-Token', token.reveal()],
  ...['X-Forwarded-Email', plain(person.email)],
  ...['X-Forwarded-User', plain(person.user)],
  ...['X-Forwarded-Preferred-Username', plain(person.preferredUsername)],
  ...['X-Forwarded-Host', host],
  ...['X-Real-Ip', '127.0.0.1'],
  ...['X-Request-Id', requestId],
];

/** A name may hold anything: what would end a header is taken out, the rest goes as the bytes of its UTF-8, as other proxies send it. */
function plain(text: string): string {
  let name = text;
  // check: apps-name-plain
  name = name.replace(/\p{Cc}/gu, '');
  // end check
  return Buffer.from(name, 'utf8').toString('latin1');
}

/** What the browser is sent. The app may set cookies, but none that looks like ours. */
export function toBrowser(raw: Raw, { upgrade = false }: { upgrade?: boolean } = {}): string[] {
  const all = pairs(raw);
  const named = namedIn(all);
  let passed = all.filter(([name]) => !hopByHop.has(name.toLowerCase()) && !named.has(name.toLowerCase()));
  passed = passed.filter(([name]) => name.toLowerCase() !== developmentHeader.toLowerCase());
  // check: apps-set-cookie
  passed = passed.filter(([name, value]) => name.toLowerCase() !== 'set-cookie' || !isOwnCookie(value.trim()));
  // end check
  return [...passed.flat(), ...(upgrade ? ['Connection', 'Upgrade', 'Upgrade', 'websocket'] : []), developmentHeader, '1'];
}

/** On everything that comes from here: what answers so is a laptop, not Databricks. */
export const developmentHeader = 'X-Lakepass-Development';
