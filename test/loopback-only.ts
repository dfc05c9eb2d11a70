/** Loaded before every test file: a test that reaches for the network beyond this machine fails at the connect. */
import { Socket } from 'node:net';

const LOOPBACK = /^(localhost|(::ffff:)?127(\.\d{1,3}){3}|::1|\[::1\])$/;
/** Files of one process share the prototype: it is changed once. */
const CHANGED = Symbol.for('lakepass.loopback-only');
const { connect } = Socket.prototype;

interface Target {
  host?: string;
  path?: string;
}

/** The forms of Socket.connect: (options), (path), (port, host), and the array Node's own helpers pass. */
function targetOf(args: unknown[]): Target {
  const [first, second] = Array.isArray(args[0]) ? args[0] : args;
  if (typeof first === 'object' && first !== null) return first as Target;
  if (typeof first === 'string' && Number.isNaN(Number(first))) return { path: first };
  return typeof second === 'string' ? { host: second } : {};
}

if (!(CHANGED in connect)) {
  const loopbackOnly = function (this: Socket, ...args: unknown[]) {
    const { host, path } = targetOf(args);
    if (path === undefined && host !== undefined && !LOOPBACK.test(host))
      throw new Error(`a test may only connect to loopback, not to ${host}`);
    return Reflect.apply(connect, this, args) as Socket;
  };
  Socket.prototype.connect = Object.assign(loopbackOnly, { [CHANGED]: true }) as typeof connect;
}
