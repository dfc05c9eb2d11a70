/**
 * A line to one D-Bus bus and to one service on it, that comes back by itself after the bus or the service was away.
 *
 * Anybody on a bus can send any signal, also straight to us and past every match rule. What counts here is the unique name of the
 * sender, which the bus itself writes into each message: only the owner of the service's well-known name is listened to.
 */
import { asAppError } from '../app-error.ts';
import type { Clock, Log } from '../ports.ts';
import { type Ms, ms, seconds } from '../units.ts';

const BUS = 'org.freedesktop.DBus';
const CALL_LIMIT: Ms = seconds(5);
const FIRST_PAUSE: Ms = seconds(1);
const LONGEST_PAUSE: Ms = seconds(60);

export interface Signal {
  path: string;
  interface: string;
  member: string;
  body: readonly unknown[];
}

/** Calls a method of the service; rejects where the service or the bus is gone, or says no. */
export type Call = (
  path: string,
  method: { interface: string; member: string },
  signature?: string,
  body?: unknown[],
) => Promise<readonly unknown[]>;

export interface BusLine {
  /** Where it stands: no bus, a bus without the service, or both there. */
  readonly state: 'no-bus' | 'no-service' | 'connected';
  close(): void;
}

interface Parts {
  /** A D-Bus address; only sockets of this machine are used. Null: there is none. */
  address: string | null;
  /** The well-known name of the service. */
  service: string;
  clock: Clock;
  log: Log;
  /** The service is there, or there again under another owner; whatever was known of it may have changed. */
  onService: (call: Call) => Promise<void>;
  onSignal: (signal: Signal, call: Call) => void | Promise<void>;
}

/** The part of the library that is used, so that it is loaded only where there is a bus. */
type Library = Pick<typeof import('dbus-native'), 'createClient'>;

export function openBusLine({ address, service, clock, log, onService, onSignal }: Parts): BusLine {
  const local = address === null ? null : localAddress(address);
  let state: BusLine['state'] = 'no-bus';
  let closed = false;
  let failures = 0;
  let cancelRetry = (): void => undefined;
  let hangUp = (): void => undefined;

  const retry = (): void => {
    state = 'no-bus';
    if (closed) return;
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures);
    failures += 1;
    cancelRetry = clock.after(ms(pause), () => void connect());
  };
  const connect = async (): Promise<void> => {
    if (local === null || closed) return;
    try {
      const library = await import('dbus-native');
      if (!closed) await talk(library, local);
    } catch (error) {
      // A machine without the bus would say it every minute.
      if (failures === 0) log('desktop.bus-failed', { service, code: asAppError(error).code });
    }
    hangUp();
    retry();
  };

  /** One connection, from its first byte to its last. */
  const talk = async ({ createClient }: Library, busAddress: string): Promise<void> => {
    const bus = createClient({ busAddress, timeout: CALL_LIMIT });
    // Whatever breaks the connection also closes it, and the calls under way reject.
    bus.connection.on('error', () => undefined);
    bus.connection.on('handlerError', () => undefined);
    const gone = new Promise<void>((resolve) => {
      bus.connection.on('close', () => resolve());
    });
    let over = false;
    hangUp = () => {
      over = true;
      bus.connection.stream.destroy();
    };
    // Listening must not keep a process alive that has nothing else to do.
    (bus.connection.stream as { unref?: () => void }).unref?.();

    let owner: string | null = null;
    let announced = false;
    const call: Call = async (path, method, signature, body) => {
      const request = {
        destination: owner ?? service,
        path,
        ...method,
        ...(signature === undefined ? {} : { signature, body: body ?? [] }),
      };
      return [await bus.invoke<unknown>(request)];
    };
    const serve = async (name: string): Promise<void> => {
      owner = name === '' ? null : name;
      state = owner === null ? 'no-service' : 'connected';
      if (owner !== null) await onService(call);
    };
    const failed = (error: unknown): void => log('desktop.signal-lost', { service, code: asAppError(error).code });
    bus.connection.on('message', (message: RawMessage) => {
      if (message.type !== SIGNAL || over) return;
      const { sender, path = '', member = '', body = [] } = message;
      if (sender === BUS && member === 'NameOwnerChanged' && body[0] === service) {
        announced = true;
        void serve(String(body[2] ?? '')).catch(failed);
        return;
      }
      // check: desktop-signal-sender
      if (sender === undefined || sender !== owner) return;
      // end check
      void Promise.resolve(onSignal({ path, interface: message.interface ?? '', member, body }, call)).catch(failed);
    });

    await bus.addMatch(`type='signal',sender='${BUS}',interface='${BUS}',member='NameOwnerChanged',arg0='${service}'`);
    if (over) return;
    await bus.addMatch(`type='signal',sender='${service}'`);
    if (over) return;
    const found = await ownerOf(bus, service);
    if (over) return;
    failures = 0;
    // What the bus has announced meanwhile is newer than its answer.
    if (!announced) await serve(found).catch(failed);
    await gone;
  };

  void connect();
  return {
    get state() {
      return state;
    },
    close() {
      closed = true;
      cancelRetry();
      hangUp();
    },
  };
}

/** D-Bus specification, "Message types". */
const SIGNAL = 4;

interface RawMessage {
  type?: number;
  sender?: string;
  path?: string;
  interface?: string;
  member?: string;
  body?: unknown[];
}

/** The unique name that owns `service`; empty where nobody does. It is not started for this. */
async function ownerOf(bus: { invokeDbus(message: object): PromiseLike<unknown> }, service: string): Promise<string> {
  const isOwned = await bus.invokeDbus({ member: 'NameHasOwner', signature: 's', body: [service] });
  return isOwned === true ? String(await bus.invokeDbus({ member: 'GetNameOwner', signature: 's', body: [service] })) : '';
}

/** Of the addresses in D-Bus notation the first that is a socket here: `unixexec:` would run a program, `tcp:` may leave the machine. */
function localAddress(addresses: string): string | null {
  let usable = addresses.split(';');
  // check: desktop-bus-local
  usable = usable.filter((address) => address.startsWith('unix:'));
  // end check
  return usable[0] ?? null;
}
