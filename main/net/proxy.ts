/**
 * Which proxy stands between us and a server, by the variables every tool of a company obeys: `HTTPS_PROXY`, `NO_PROXY`, in lower case
 * first. `HTTP_PROXY` is about plain http, which we speak to this machine alone and so never through a proxy.
 */
import { BlockList, isIP } from 'node:net';
import { AppError } from '../app-error.ts';

/**
 * The proxy for an https address; null where it is spoken to directly.
 *
 * @param env read at each request
 * @throws AppError PROXY_INVALID: the variable names no http or https proxy (`reason` 'form', 'login'); its value, which may hold a password, is not repeated
 */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv): URL | null {
  // check: proxy-never-loopback
  if (isLoopback(url.hostname)) return null;
  // end check
  if (url.protocol !== 'https:') return null;
  const said = env['https_proxy'] ?? env['HTTPS_PROXY'] ?? '';
  if (said.trim() === '' || isSpared(url, env['no_proxy'] ?? env['NO_PROXY'] ?? '')) return null;
  const proxy = URL.parse(said.includes('://') ? said.trim() : `http://${said.trim()}`);
  if (proxy === null || proxy.hostname === '' || !/^https?:$/.test(proxy.protocol)) throw new AppError('PROXY_INVALID', { reason: 'form' });
  if (!isDecodable(proxy.username) || !isDecodable(proxy.password))
    throw new AppError('PROXY_INVALID', { reason: 'login', detail: 'A % in its name or password is written as %25.' });
  return proxy;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** This machine under any of its names; what is sent there must reach nobody else. */
export function isLoopback(hostname: string): boolean {
  const host = bare(hostname);
  if (isIP(host) === 0) return host === 'localhost' || host.endsWith('.localhost');
  // The unspecified address leads here as well, and 127.0.0.0/8 is written within IPv6, too.
  return /^(127\.|0\.0\.0\.0$|::1?$|::ffff:(7f[0-9a-f]{2}|0):)/.test(host);
}

const bare = (hostname: string): string => hostname.toLowerCase().replace(/^\[|\]$|\.$/g, '');

/**
 * `NO_PROXY` as curl and Go read it: a name stands for itself and everything beneath it, with or without a dot in front; an address for
 * itself or, with a prefix length, for its network; `*` for all. A port narrows an entry.
 */
function isSpared(url: URL, list: string): boolean {
  const host = bare(url.hostname);
  const port = url.port === '' ? '443' : url.port;
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, name = entry, onlyPort] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
      if (onlyPort !== undefined && onlyPort !== port) return false;
      return isIP(host) === 0 ? isBeneath(host, name) : isWithin(host, bare(name));
    });
}

function isBeneath(host: string, entry: string): boolean {
  const name = entry.replace(/^\*?\./, '').replace(/\.$/, '');
  return name !== '' && (host === name || host.endsWith(`.${name}`));
}

function isWithin(address: string, entry: string): boolean {
  const [network = '', prefix] = entry.split('/');
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(network) === 0 || isIP(network) !== isIP(address)) return false;
  const longest = family === 'ipv6' ? 128 : 32;
  const bits = prefix === undefined ? longest : Number(prefix);
  if (!Number.isInteger(bits) || bits < 0 || bits > longest) return false;
  const networks = new BlockList();
  networks.addSubnet(network, bits, family);
  return networks.check(address, family);
}
