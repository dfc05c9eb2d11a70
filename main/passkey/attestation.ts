/**
 * Whether a key's model is proven: its evidence, the certificates in it, the roots that FIDO's metadata names for that model, and what the
 * metadata says of the model today. It never asks the network for anything, so whether a certificate was revoked is not known, and said.
 */
import type { EpochMs } from '../units.ts';
import { type JudgedKey, readEvidence, uuidOf } from './evidence.ts';
import { Flaw, type FlawReason } from './flaw.ts';
import { attested } from './formats.ts';
import { modelName, UNNAMED } from './models.ts';
import { pinnedRoots } from './roots.ts';
import { type Certificate, rootOf } from './x509.ts';

/** What FIDO's metadata says of a model. */
export interface Model {
  name: string;
  /** As FIDO writes it. */
  status: string;
  standing: 'good' | 'warned' | 'blocked';
  roots: readonly Certificate[];
  /** By its maker's own word keys of this model are kept in software (keyProtection of FIDO's registry). */
  inSoftware?: boolean;
}

/** One issue of FIDO's metadata. */
export interface Models {
  no: number;
  byAaguid(aaguid: string): Model | null;
  /** @param keyIds of the certificates of a U2F key, first to last, in hexadecimal */
  byKeyIds(keyIds: readonly string[]): Model | null;
}

export interface Judgement {
  /**
   * - proven: a trusted root says what it is
   * - unproven: the evidence is in order and nobody is known who could vouch for it
   * - self, none: it vouches for itself; it brought nothing
   * - refused: the evidence is wrong, of a format that we do not judge, or of a model known to be broken
   */
  verdict: 'proven' | 'unproven' | 'self' | 'none' | 'refused';
  because: FlawReason | 'root' | 'no-metadata' | 'unknown-model' | 'software' | 'self' | 'none';
  format: string;
  /** Of the model that is proven; zeros where what is proven is only whose hardware it is, or nothing. */
  aaguid: string;
  /** For people's eyes. */
  model: string | null;
  /** The issue of FIDO's metadata that knew the model, if any did. */
  mds: { no: number; status: string; standing: Model['standing']; checkedRevocation: false } | null;
  /** What is proven of it says that it may live outside of hardware, or can leave it. */
  movable: boolean;
  /** Of this very key, in hexadecimal; only where its maker put one in for an enterprise, and only where proven. */
  serial: string | null;
}

/** For whoever trusts other makers: tests. */
export interface Makers {
  apple: readonly Certificate[];
  google: readonly Certificate[];
}
const pinned = (): Makers => ({ apple: pinnedRoots.apple(), google: pinnedRoots.google() });

/**
 * @param models FIDO's metadata; null where none was imported, so that only makers whose roots are pinned can vouch
 * @param at when the key was enrolled: its certificates had to be valid then
 */
export async function judgeAttestation(key: JudgedKey, models: Models | null, at: EpochMs, makers = pinned()): Promise<Judgement> {
  const judgement: Judgement = {
    verdict: 'refused',
    because: 'shape',
    format: key.attestation.format,
    aaguid: UNNAMED,
    model: null,
    mds: null,
    movable: false,
    serial: null,
  };
  try {
    const evidence = await readEvidence(key);
    const uuid = uuidOf(evidence.aaguid);
    const found = attested(evidence);
    if (found.chain === null) {
      const verdict = evidence.format === 'none' ? 'none' : 'self';
      return { ...judgement, verdict, because: verdict };
    }
    const maker = makerOf(evidence.format, makers);
    const model = found.namesModel || maker !== null ? models?.byAaguid(uuid) : models?.byKeyIds(found.chain.map(({ keyId }) => keyId));
    if (models && model) {
      judgement.mds = { no: models.no, status: model.status, standing: model.standing, checkedRevocation: false };
    }
    if (!found.hardware) return { ...judgement, verdict: 'unproven', because: 'software' };
    const roots = maker?.roots ?? model?.roots ?? [];
    if (roots.length === 0) return { ...judgement, verdict: 'unproven', because: models === null ? 'no-metadata' : 'unknown-model' };
    const root = rootOf(found.chain, roots, at);
    // check: attestation-status
    if (model?.standing === 'blocked') return { ...judgement, because: 'status' };
    // end check
    let named = maker === null || model !== null;
    // check: attestation-model-of-root
    // The AAGUID is the key's own word: it counts where the roots asked were those of that very model. Otherwise any phone could call itself
    // a security key of a model that policy trusts.
    if (maker !== null) named = (model?.roots ?? []).some(({ x509 }) => x509.raw.equals(root.x509.raw));
    if (!found.namesModel && maker === null) named = false;
    // end check
    let { movable } = found;
    // check: attestation-software-model
    if (model?.inSoftware === true) movable = true;
    // end check
    const name = named || maker === null ? (model?.name ?? modelName(uuid)) : maker.name;
    return { ...judgement, verdict: 'proven', because: 'root', aaguid: named ? uuid : UNNAMED, model: name, movable, serial: found.serial };
  } catch (error) {
    if (!(error instanceof Flaw)) throw error;
    return { ...judgement, because: error.reason };
  }
}

/** Makers that sign for all their devices: their roots say whose hardware it is, and not which. */
function makerOf(format: string, { apple, google }: Makers): { name: string; roots: readonly Certificate[] } | null {
  if (format === 'apple') return { name: 'Apple device', roots: apple };
  return format === 'android-key' ? { name: 'Android device', roots: google } : null;
}
