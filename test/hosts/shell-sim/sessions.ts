/** `session` and `protocol`: a session is a Chromium context of its own; its schemes are answered by the app's own handlers. */
import { EventEmitter } from 'node:events';
import type { CustomScheme, DownloadItem, Protocol, Session, WebContents, WebRequest } from 'electron';
import { isPrevented, makeEvent, part, refuse, strict } from './strict.ts';
import type { Sent } from './wire.ts';

type RequestHandler = Parameters<Session['setPermissionRequestHandler']>[0];
type CheckHandler = Parameters<Session['setPermissionCheckHandler']>[0];
type ProtocolHandler = Parameters<Protocol['handle']>[1];
type BeforeRequest = Extract<Parameters<WebRequest['onBeforeRequest']>[0], (...args: never[]) => void>;

export interface SessionStandIn {
  session: Session;
  partition: string;
  answer(ask: { url: string; method: string; headers: Record<string, string> }): Promise<Sent | null>;
  /** Whether the app lets the request leave for the network. */
  mayLeave(ask: { url: string; method: string }): Promise<boolean>;
  requestPermission(contents: WebContents, permission: string, url: string): Promise<boolean>;
  checkPermission(contents: WebContents, permission: string, origin: string): boolean;
  /** Whether the app lets a file be saved. */
  mayDownload(contents: WebContents, url: string): boolean;
}

const DEFAULT = '';

export function createSessions({ isReady, onMade }: { isReady: () => boolean; onMade: (session: Session) => void }) {
  const sessions = new Map<string, SessionStandIn>();
  const schemes = new Map<string, CustomScheme>();
  let registered = false;

  function make(partition: string): SessionStandIn {
    if (!isReady()) throw new Error('Session can only be received when app is ready');
    const handlers = new Map<string, ProtocolHandler>();
    const emitter = new EventEmitter();
    let permissionRequest: RequestHandler = null;
    let permissionCheck: CheckHandler = null;
    let beforeRequest: BeforeRequest | null = null;

    const protocol = part<Protocol>('protocol', {
      registerSchemesAsPrivileged: register,
      handle(scheme, handler) {
        if (handlers.has(scheme)) throw new Error(`Failed to register protocol: ${scheme}`);
        handlers.set(scheme, handler);
      },
      unhandle: (scheme) => void handlers.delete(scheme),
      isProtocolHandled: (scheme) => handlers.has(scheme),
    });
    const webRequest = part<WebRequest>('session.webRequest', {
      onBeforeRequest(first: unknown, second?: unknown) {
        if (second !== undefined) return refuse('session.webRequest.onBeforeRequest with a filter');
        beforeRequest = first as BeforeRequest | null;
      },
    } as Pick<WebRequest, 'onBeforeRequest'>);
    const session = part<Session>(
      'session',
      {
        protocol,
        webRequest,
        isPersistent: () => partition === DEFAULT || partition.startsWith('persist:'),
        setPermissionRequestHandler(handler) {
          permissionRequest = handler;
        },
        setPermissionCheckHandler(handler) {
          permissionCheck = handler;
        },
        // No page here can come that far: Chromium asks for the permission first, and no device is there.
        setDevicePermissionHandler: () => undefined,
        setDisplayMediaRequestHandler: () => undefined,
        setBluetoothPairingHandler: () => undefined,
        setUSBProtectedClassesHandler: () => undefined,
        setSpellCheckerEnabled: () => undefined,
        setSpellCheckerLanguages: () => undefined,
        setProxy: async () => undefined,
        clearCache: async () => undefined,
        clearStorageData: async () => undefined,
        closeAllConnections: async () => undefined,
      },
      emitter,
    );

    return {
      ...{ session, partition },
      async answer({ url, method, headers }) {
        const scheme = new URL(url).protocol.slice(0, -1);
        const handler = handlers.get(scheme);
        if (handler === undefined) return null;
        const privileges = schemes.get(scheme)?.privileges;
        // In Chromium it is served from an https origin, which has these rights; without them that would be a lie.
        if (privileges?.standard !== true || privileges.secure !== true)
          throw new Error(`${scheme}: is not registered as standard and secure`);
        const response = await handler(new Request(url, { method, headers }));
        return { status: response.status, headers: [...response.headers], body: new Uint8Array(await response.arrayBuffer()) };
      },
      async mayLeave({ url, method }) {
        const listener = beforeRequest;
        if (listener === null) return true;
        const { promise, resolve } = Promise.withResolvers<{ cancel?: boolean; redirectURL?: string }>();
        listener({ url, method } as Parameters<BeforeRequest>[0], resolve);
        const { cancel, redirectURL } = await promise;
        if (redirectURL !== undefined) refuse('redirect of session.webRequest.onBeforeRequest');
        return cancel !== true;
      },
      async requestPermission(contents, permission, url) {
        // As in Electron: whoever sets no handler has said yes to everything.
        if (permissionRequest === null) return true;
        const { promise, resolve } = Promise.withResolvers<boolean>();
        const details = { requestingUrl: url, isMainFrame: true } as Parameters<NonNullable<RequestHandler>>[3];
        permissionRequest(contents, permission as Parameters<NonNullable<RequestHandler>>[1], resolve, details);
        return promise;
      },
      mayDownload: (contents, url) =>
        !isPrevented(emitter, 'will-download', makeEvent({}), part<DownloadItem>('DownloadItem', { getURL: () => url }), contents),
      checkPermission(contents, permission, origin) {
        if (permissionCheck === null) return true;
        const details = { isMainFrame: true, requestingUrl: origin } as Parameters<NonNullable<CheckHandler>>[3];
        return permissionCheck(contents, permission as Parameters<NonNullable<CheckHandler>>[1], origin, details);
      },
    };
  }

  function of(partition: string): SessionStandIn {
    const found = sessions.get(partition);
    if (found !== undefined) return found;
    const made = make(partition);
    sessions.set(partition, made);
    onMade(made.session);
    return made;
  }

  function register(all: CustomScheme[]): void {
    if (isReady()) throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready');
    if (registered) throw new Error('protocol.registerSchemesAsPrivileged was called a second time, which undoes the first');
    registered = true;
    for (const scheme of all) schemes.set(scheme.scheme, scheme);
  }

  return {
    of,
    find: (session: Session) => [...sessions.values()].find((each) => each.session === session),
    session: strict('session', {
      fromPartition: (partition: string) => of(partition).session,
      get defaultSession() {
        return of(DEFAULT).session;
      },
    }),
    /** The one of the default session; what must be said before there is any works before it is ready. */
    protocol: part<Protocol>('protocol', {
      registerSchemesAsPrivileged: register,
      handle: (scheme, handler) => of(DEFAULT).session.protocol.handle(scheme, handler),
      unhandle: (scheme) => of(DEFAULT).session.protocol.unhandle(scheme),
      isProtocolHandled: (scheme) => of(DEFAULT).session.protocol.isProtocolHandled(scheme),
    }),
  };
}

export type Sessions = ReturnType<typeof createSessions>;
