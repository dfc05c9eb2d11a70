/**
 * The one way from the shell into the system browser. An address that opens there opens with the person's cookies, so it must be one
 * that the person or their company has configured, the endpoint that the provider of a sign-in announced for it, a page of our own, or our
 * documentation.
 */
import type { Shell } from 'electron';
import type { StatusView } from '../../preload/contract/control.ts';
import { links } from '../../preload/contract/desktop.ts';

type Profiles = StatusView['profiles'];

/** The host of the page on which a key is touched; it resolves to this machine and nowhere else. */
const ceremonyHost = 'lakepass.localhost';
const docHosts = new Set(Object.values(links).map((link) => new URL(link).host));
const loopback = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Whether an address may be opened, given what is configured now. Nothing is opened for its looks: hosts are compared whole. */
export function mayOpen(url: URL, profiles: Profiles): boolean {
  // check: opening-no-credentials
  if (url.username !== '' || url.password !== '') return false;
  // end check
  if (url.protocol === 'http:') return isCeremony(url) || profiles.some((profile) => isTestIssuer(url, profile));
  // check: opening-https-only
  if (url.protocol !== 'https:') return false;
  // end check
  // check: opening-known-host
  if (!knownHosts(profiles).has(url.host)) return false;
  // end check
  return true;
}

const isCeremony = (url: URL): boolean => url.hostname === ceremonyHost && url.port !== '' && url.pathname === '/' && url.search === '';

/** A provider on this machine, which only a profile that is marked as a test may have. */
function isTestIssuer(url: URL, { test, issuer }: Profiles[number]): boolean {
  return test && loopback.has(url.hostname) && URL.parse(issuer)?.origin === url.origin;
}

function knownHosts(profiles: Profiles): Set<string> {
  const hosts = profiles.flatMap(({ issuer, workspaces }) => [
    URL.parse(issuer)?.host,
    ...workspaces.map(({ host }) => URL.parse(host.includes('://') ? host : `https://${host}`)?.host),
  ]);
  return new Set([...docHosts, ...hosts.filter((host) => host !== undefined)]);
}

/**
 * Whether an address is the authorization endpoint of the sign-in that it is opened for. A provider may sign people in on another host than it
 * is named for; discovery has checked that it is the configured provider who says so. Only the query is the sign-in's own.
 */
export function isAnnounced(url: URL, announced: URL, profiles: Profiles): boolean {
  // check: opening-announced-https
  if (url.protocol !== 'https:' && !isTestAddress(url, profiles)) return false;
  // end check
  // check: opening-announced-endpoint
  if (url.origin !== announced.origin || url.pathname !== announced.pathname) return false;
  // end check
  // check: opening-announced-bare
  if (url.username !== '' || url.password !== '' || url.hash !== '') return false;
  // end check
  return true;
}

/** Plain http on this machine, where some profile is a test. */
const isTestAddress = (url: URL, profiles: Profiles): boolean =>
  url.protocol === 'http:' && loopback.has(url.hostname) && profiles.some(({ test }) => test);

export interface Outside {
  /**
   * 'none': it was refused, or nothing here can open it; the URL is then shown instead.
   *
   * @param announced see `Ports.openBrowser`: only a sign-in has one, and it comes from the provider's checked metadata
   */
  open(url: URL, announced?: URL): Promise<'opened' | 'none'>;
}

export interface OutsideParts {
  shell: Pick<Shell, 'openExternal'>;
  /** For desktops that Electron cannot open a browser on. */
  fallback: (url: URL) => Promise<'opened' | 'none'>;
  /** What is configured now. */
  profiles: () => Profiles | Promise<Profiles>;
  refused: (url: URL) => void;
}

export function createOutside(parts: OutsideParts): Outside {
  return {
    async open(url, announced) {
      const profiles = await parts.profiles();
      const isSignIn = announced !== undefined && isAnnounced(url, announced, profiles);
      // check: opening-allowed
      if (!isSignIn && !mayOpen(url, profiles)) {
        parts.refused(url);
        return 'none';
      }
      // end check
      try {
        await parts.shell.openExternal(url.href);
        return 'opened';
      } catch {
        // Many a bare desktop has a browser and nothing that Electron would find it by.
        return parts.fallback(url);
      }
    },
  };
}
