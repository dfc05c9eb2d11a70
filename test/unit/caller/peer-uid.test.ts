/** What becomes of a look-up that the system does not let us make. */
import { expect, it } from 'vitest';
import { createPeerUid } from '../../../main/caller/peer-uid.ts';

it('says that nobody can tell where no thread can be had, and again the next time', async () => {
  const peerUid = createPeerUid({ worker: new URL('http://127.0.0.1/no-thread') });
  const lookup = () => peerUid.lookup({ localPort: 20_000, remotePort: 40_000 });
  expect(await Promise.all([lookup(), lookup()])).toEqual([null, null]);
  expect(await lookup()).toBeNull();
  await peerUid.close();
});
