/** Whether this machine itself finds the name under which keys are touched. Many browsers know it by themselves (RFC 6761 section 6.3). */
import { connect } from 'node:net';

const ownName = 'lakepass.localhost';

/** @param port of the broker, which listens on 127.0.0.1 */
export function systemFindsOwnName(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: ownName, port, family: 4, timeout: 3000 });
    const settle = (found: boolean) => () => {
      socket.destroy();
      resolve(found);
    };
    socket.once('connect', settle(true)).once('error', settle(false)).once('timeout', settle(false));
  });
}
