/** Both ends together: what an admin publishes reaches a device by its link, through a change of keys, up to its end. */
import { createHash, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { readBundleFile, rulesOf, withRevoked } from '../../../../main/enroll/admin/bundle-file.ts';
import { addKey, dropFirstKey } from '../../../../main/enroll/admin/signing-key.ts';
import { openEnrollment } from '../../../../main/enroll/enrollment.ts';
import { invitationLink, parseInvitation } from '../../../../main/enroll/invitation.ts';
import { memoryVault } from '../../../../main/vault/memory-vault.ts';
import { fakeClock } from '../../../fakes/fake-clock.ts';
import { recordingAudit } from '../../../fakes/recording-audit.ts';
import { lock, madeFolder } from './setting.ts';

it('a device follows its company from the link over another key to its own end', async () => {
  const { folder, fingerprint, publish, signed, text } = await madeFolder();
  const clock = fakeClock();
  const fetch: typeof globalThis.fetch = async () => {
    const bytes = signed();
    return new Response(new Uint8Array(bytes), { status: 200, headers: { etag: `"${createHash('sha256').update(bytes).digest('hex')}"` } });
  };
  const enrollment = await openEnrollment({
    ...{ vault: memoryVault(), managed: null, fetch, clock, random: randomBytes, audit: recordingAudit(), log: () => undefined },
  });
  const asked = async (): Promise<number | undefined> => {
    await publish(clock.now());
    await enrollment.poll();
    expect(enrollment.problem()).toBeNull();
    return enrollment.held()?.bundle.revision;
  };

  await publish(clock.now());
  const link = invitationLink({ url: 'https://it.acme.example/bundle.jws.json', thumbprint: fingerprint });
  await enrollment.accept(await enrollment.look(parseInvitation(link)));
  expect(enrollment.held()?.bundle).toMatchObject({ organization: 'Acme', revision: 1 });

  await folder.write('key', await addKey(text('key'), lock));
  expect(await asked()).toBe(2);
  await folder.write('key', await dropFirstKey(text('key'), lock));
  expect(await asked()).toBe(3);
  expect(enrollment.held()?.signedBy).not.toBe(fingerprint);

  const before = readBundleFile(text('bundle'), 'bundle.yaml', new Set(rulesOf(text('policy')).keys()));
  await folder.write('bundle', withRevoked(text('bundle'), { device: enrollment.held()?.device.id as string }, before));
  expect(enrollment.isRevoked()).toBe(false);
  expect(await asked()).toBe(4);
  expect(enrollment.isRevoked()).toBe(true);
  enrollment.close();
});
