/**
 * What no page of ours may do, whichever session or window it is in: ask for a device or a permission, go elsewhere, open a window, save
 * a file, prove who it is to a server. All of it is refused and counted; a page of ours never tries.
 */
import type { App, Session, WebContents } from 'electron';

// biome-ignore format: a list of words
export type RefusedAct =
  | 'permission' | 'device' | 'navigation' | 'redirect' | 'frame' | 'window' | 'webview' | 'download' | 'network'
  | 'certificate' | 'client-certificate' | 'login';
type Refused = (act: RefusedAct) => void;

/** Guards every session and every page there will ever be. To be called before Electron is ready, for it makes sessions itself. */
export function guardApp({ app, refused }: { app: Pick<App, 'on'>; refused: Refused }): void {
  // check: every-session-guarded
  app.on('session-created', (session) => guardSession(session, refused));
  // end check
  // check: every-page-guarded
  app.on('web-contents-created', (_event, contents) => guardContents(contents, refused));
  // end check
  // check: certificate-error-refused
  app.on('certificate-error', (event, _contents, _url, _error, _certificate, callback) => {
    event.preventDefault();
    refused('certificate');
    callback(false);
  });
  // end check
  // check: client-certificate-refused
  // Left to itself Electron sends the first one it finds.
  app.on('select-client-certificate', (event, _contents, _url, _list, callback) => {
    event.preventDefault();
    refused('client-certificate');
    callback();
  });
  // end check
  // check: login-refused
  app.on('login', (event, _contents, _details, _authInfo, callback) => {
    event.preventDefault();
    refused('login');
    callback();
  });
  // end check
}

const network = /^(https?|wss?|ftp|file):/i;

/** Handlers replace each other, so a session that is guarded twice refuses as one that was guarded once. */
export function guardSession(session: Session, refused: Refused): void {
  // check: permission-request-denied
  session.setPermissionRequestHandler((_contents, _permission, callback) => {
    refused('permission');
    callback(false);
  });
  // end check
  // check: permission-check-denied
  session.setPermissionCheckHandler(() => false);
  // end check
  // check: device-denied
  session.setDevicePermissionHandler(() => {
    refused('device');
    return false;
  });
  // end check
  // check: download-refused
  session.removeAllListeners('will-download');
  session.on('will-download', (event) => {
    event.preventDefault();
    refused('download');
  });
  // end check
  // check: window-without-network
  // The policy of the pages says so as well; this holds for whatever gets around it.
  session.webRequest.onBeforeRequest(({ url }, callback) => {
    const cancel = network.test(url);
    if (cancel) refused('network');
    callback({ cancel });
  });
  // end check
  session.setSpellCheckerEnabled(false);
}

/** Nothing but our own `loadURL`, which asks nobody, brings a page into a window. */
function guardContents(contents: WebContents, refused: Refused): void {
  // check: navigation-denied
  contents.on('will-navigate', (event) => {
    event.preventDefault();
    refused('navigation');
  });
  // end check
  // check: redirect-denied
  contents.on('will-redirect', (event) => {
    event.preventDefault();
    refused('redirect');
  });
  // end check
  // check: frame-navigation-denied
  contents.on('will-frame-navigate', (event) => {
    event.preventDefault();
    if (!event.isMainFrame) refused('frame');
  });
  // end check
  // check: webview-denied
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
    refused('webview');
  });
  // end check
  // check: new-window-denied
  contents.setWindowOpenHandler(() => {
    refused('window');
    return { action: 'deny' };
  });
  // end check
}
