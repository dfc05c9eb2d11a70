/** The door of an app, opened for tests: the app behind it says what it was sent, and bytes go in as they are written. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { AppError } from '../../../main/app-error.ts';
import { entryPath } from '../../../main/apps/guard.ts';
import { type AppDoor, type AppDoorParts, openAppDoor } from '../../../main/apps/proxy.ts';
import { type Attribution, unknownCaller } from '../../../main/caller/caller.ts';
import { Secret } from '../../../main/secret.ts';
import { systemClock } from '../../../main/system-clock.ts';

/** What the app has got. */
export interface Got {
  method: string;
  target: string;
  raw: string[];
  body: string;
}

export interface AppUnderTest {
  port: number;
  got: Got[];
  /** Answers the next requests; it says `app` otherwise. */
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  server: Server;
  close(): Promise<void>;
}

export async function startApp(): Promise<AppUnderTest> {
  const app: AppUnderTest = {
    port: 0,
    got: [],
    answer: (_, response) => void response.end('app'),
    server: createServer(),
    close,
  };
  const note = (request: IncomingMessage, body: string): void =>
    void app.got.push({ method: request.method ?? '', target: request.url ?? '', raw: request.rawHeaders, body });
  app.server.on('request', async (request, response) => {
    const parts: Buffer[] = [];
    try {
      for await (const part of request) parts.push(part);
    } catch {
      // The browser went away in the middle of the body.
      return;
    }
    note(request, Buffer.concat(parts).toString());
    app.answer(request, response);
  });
  app.server.on('upgrade', (request, socket: Socket, head: Buffer) => {
    note(request, '');
    socket.on('error', () => socket.destroy());
    if (request.url === '/no-status') return void socket.end('HTTP/1.1 099 No\r\nContent-Length: 2\r\n\r\nno');
    if (request.url === '/no-socket') return void socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno');
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n');
    if (head.length > 0) socket.write(head);
    // One that goes on after the other end has ended.
    if (request.url === '/silent') socket.resume();
    else socket.pipe(socket);
  });
  await new Promise<void>((done) => app.server.listen(0, '127.0.0.1', done));
  app.port = (app.server.address() as AddressInfo).port;
  const sockets = new Set<Socket>();
  app.server.on('connection', (socket) => sockets.add(socket));
  async function close(): Promise<void> {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => app.server.close(done));
  }
  return app;
}

export interface DoorUnderTest {
  door: AppDoor;
  port: number;
  host: string;
  origin: string;
  /** A cookie that was given for a code. */
  cookie: string;
  refused: unknown[];
  knocks: () => number;
  /** Sends bytes and reads what comes until the other side ends. */
  raw(bytes: string | Buffer): Promise<string>;
  /** The head of a request of the browser that was let in; more lines after it. */
  head(line?: string, ...more: string[]): string;
  connect(): Socket;
}

/** A connection of this user, of a program at this path. */
export const of = (uid: number | null, executable: string | null = '/usr/bin/browser'): Attribution => {
  const rest = { commandLine: null, folder: null, cgroup: null };
  return { uid, caller: { ...unknownCaller, process: { pid: 7, startTicks: 7, uid: uid ?? -1, executable, ...rest } } };
};

export const person = { email: 'alice@example.com', user: 'alice@example.com', preferredUsername: 'Alice' };

export async function openDoor(app: Pick<AppUnderTest, 'port'>, parts: Partial<AppDoorParts> = {}): Promise<DoorUnderTest> {
  const refused: unknown[] = [];
  let knocks = 0;
  let count = 0;
  const door = await openAppDoor({
    ...{ port: 0, attribute: async () => of(1000), uid: 1000, person, clock: systemClock, random: randomBytes },
    token: async () => new Secret('token-of-alice'),
    requestId: () => `id-${++count}`,
    connect: () =>
      new Promise((resolve, reject) => {
        const socket = connect(app.port, '127.0.0.1');
        socket.once('connect', () => resolve(socket));
        socket.once('error', (cause) => reject(new AppError('APP_NOT_UP', { reason: 'refused', cause })));
      }),
    knocked: () => (knocks += 1),
    refused: (why) => refused.push(why),
    ...parts,
  });
  const port = Number(new URL(door.origin).port);
  const { host, origin } = new URL(door.origin);
  const open: DoorUnderTest = {
    ...{ door, port, host, origin, cookie: '', refused, knocks: () => knocks },
    connect: () => connect(port, '127.0.0.1'),
    raw: (bytes) =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
        let text = '';
        socket.setEncoding('latin1').on('data', (part: string) => {
          text += part;
          // What has become a WebSocket does not end by itself.
          if (text.startsWith('HTTP/1.1 101 ') && text.includes('\r\n\r\n')) socket.destroy();
        });
        socket.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve(text) : reject(error)));
        socket.once('close', () => resolve(text));
      }),
    head: (line = 'GET / HTTP/1.1', ...more) =>
      [line, `Host: ${host}`, 'Sec-Fetch-Site: same-origin', `Cookie: ${open.cookie}`, 'Connection: close', ...more, '', ''].join('\r\n'),
  };
  const code = new URL(door.entryUrl()).hash.slice(1);
  open.cookie = /^set-cookie: ([^;]+)/im.exec(await open.raw(exchange(open, code)))?.[1] ?? '';
  return open;
}

/** The call by which the page of the door brings its code. */
export function exchange({ host, origin }: Pick<DoorUnderTest, 'host' | 'origin'>, code: string, ...more: string[]): string {
  const body = JSON.stringify({ code });
  const lines = [
    `POST ${entryPath} HTTP/1.1`,
    `Host: ${host}`,
    `Origin: ${origin}`,
    'Sec-Fetch-Site: same-origin',
    'Content-Type: application/json',
  ];
  return [...lines, `Content-Length: ${body.length}`, 'Connection: close', ...more, '', body].join('\r\n');
}

export const statusIn = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
/** The values of a header that the app has got, by the name in any spelling. */
export const valuesOf = ({ raw }: Got, name: string): string[] =>
  raw.flatMap((each, index) =>
    index % 2 === 0 && each.toLowerCase().replaceAll('_', '-') === name.toLowerCase() ? [raw[index + 1] ?? ''] : [],
  );
