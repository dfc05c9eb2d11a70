/** FIDO's metadata of one maker, which can be changed as issues come. */
import type { Model, Models } from '../../../main/passkey/attestation.ts';
import { readCertificate } from '../../../main/passkey/x509.ts';
import type { AttestationRoot } from '../../fixtures/software-key/attestation-certificates.ts';

/** It knows the model of every key under `root`. */
export function metadata(root: AttestationRoot) {
  const state: { no: number; changes: Partial<Model>; known: boolean } = { no: 1, changes: {}, known: true };
  const bytes = Buffer.from(root.pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const model = (): Model | null =>
    state.known
      ? { name: 'Lake Key', status: 'FIDO_CERTIFIED', standing: 'good', roots: [readCertificate(bytes)], ...state.changes }
      : null;
  const models = (): Models => ({ no: state.no, byAaguid: model, byKeyIds: model });
  return { state, models, mds: { models: () => Promise.resolve(models()) } };
}
