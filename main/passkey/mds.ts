/**
 * FIDO's metadata on this machine: imported from a file that somebody fetched, never fetched from here. One sealed record holds what judging
 * a key takes; it is read when a key is judged and not kept in memory.
 */
import { z } from 'zod';
import { AppError, hasCode } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Clock, Log } from '../ports.ts';
import type { EpochMs } from '../units.ts';
import type { Vault } from '../vault/vault.ts';
import type { Model, Models } from './attestation.ts';
import { type Blob, readBlob } from './mds-blob.ts';
import { standingOf } from './mds-status.ts';
import { pinnedRoots } from './roots.ts';
import { type Certificate, readCertificate } from './x509.ts';

const RECORD = 'fido-metadata';
const DAY_MS = 24 * 60 * 60 * 1000;

const epochMs = z.int().transform((value) => value as EpochMs);
const recordSchema = z.strictObject({
  version: z.literal(1),
  no: z.int().min(0),
  nextUpdate: epochMs,
  importedAt: epochMs,
  /** Base64 of DER; many models share one. */
  certificates: z.array(z.string()),
  entries: z.array(
    z.strictObject({
      aaguid: z.string().nullable(),
      keyIds: z.array(z.string()),
      name: z.string(),
      reports: z.array(z.strictObject({ status: z.string(), from: epochMs.nullable() })),
      /** Places in `certificates`. */
      roots: z.array(z.int().min(0)),
      inSoftware: z.boolean().default(false),
    }),
  ),
});
type Kept = z.output<typeof recordSchema>;

export interface MdsState {
  /** Number of the issue; FIDO counts up. */
  no: number;
  nextUpdate: EpochMs;
  importedAt: EpochMs;
  models: number;
  /** A newer issue is out by its own word. It is used all the same. */
  stale: boolean;
}

export interface Mds {
  /** Null where none was ever imported. */
  state(): MdsState | null;
  /**
   * Takes a newer issue.
   * @param bytes the file, 32 MiB at most
   * @throws AppError MDS_INVALID (size, shape, chain, name, signature) | MDS_OLD | AUDIT_UNWRITABLE | DISK_FULL: all is as it was
   */
  import(bytes: Buffer): Promise<MdsState>;
  /** For judging keys now; null where none was ever imported. */
  models(): Promise<Models | null>;
}

interface Parts {
  /** The device vault: usable while locked. */
  vault: Pick<Vault, 'seal' | 'open' | 'setAside'>;
  clock: Clock;
  audit: AuditLog;
  log: Log;
  /** That may sign for FIDO. */
  roots?: () => readonly Certificate[];
}

/** @throws AppError whatever the vault throws, but for a record that cannot be read: that one is set aside, as if none had been imported */
export async function openMds({ vault, clock, audit, log, roots = pinnedRoots.fido }: Parts): Promise<Mds> {
  const first = await findRecord(vault, log);
  let known = first === null ? null : summaryOf(first);

  return {
    state: () => known && { ...known, stale: clock.now() >= known.nextUpdate + DAY_MS },
    async import(bytes) {
      const blob = readBlob(bytes, roots(), clock.now());
      // check: mds-newer
      if (known !== null && blob.no <= known.no) throw new AppError('MDS_OLD', { detail: `${blob.no}, and ${known.no} is here` });
      // end check
      const record = recordOf(blob, clock.now());
      // check: mds-audited
      audit.append({ type: 'mds.imported', no: record.no, models: record.entries.length, nextUpdate: isoDay(record.nextUpdate) });
      // end check
      await vault.seal(RECORD, Buffer.from(JSON.stringify(record), 'utf8'));
      known = summaryOf(record);
      return { ...known, stale: clock.now() >= known.nextUpdate + DAY_MS };
    },
    async models() {
      const record = known === null ? null : await findRecord(vault, log);
      return record && modelsOf(record, clock.now());
    },
  };
}

/**
 * An issue out of its file, for whoever keeps none.
 * @throws AppError MDS_INVALID (size, shape, chain, name, signature)
 */
export const modelsIn = (bytes: Buffer, at: EpochMs, roots = pinnedRoots.fido()): Models =>
  modelsOf(recordOf(readBlob(bytes, roots, at), at), at);

export const isoDay = (at: EpochMs): string => new Date(at).toISOString().slice(0, 10);

const summaryOf = ({ no, nextUpdate, importedAt, entries }: Kept) => ({ no, nextUpdate, importedAt, models: entries.length });

function recordOf({ no, nextUpdate, entries }: Blob, importedAt: EpochMs): Kept {
  const places = new Map([...new Set(entries.flatMap(({ roots }) => roots))].map((der, place) => [der, place]));
  return {
    version: 1,
    no,
    nextUpdate,
    importedAt,
    certificates: [...places.keys()],
    entries: entries.map(({ roots, ...entry }) => ({ ...entry, roots: roots.flatMap((der) => places.get(der) ?? []) })),
  };
}

function modelsOf({ no, certificates, entries }: Kept, at: EpochMs): Models {
  const model = (entry: Kept['entries'][number] | undefined): Model | null =>
    entry === undefined
      ? null
      : {
          ...{ name: entry.name, inSoftware: entry.inSoftware },
          ...standingOf(entry.reports, at),
          roots: entry.roots.flatMap((place) => certificates[place] ?? []).map((der) => readCertificate(Buffer.from(der, 'base64'))),
        };
  return {
    no,
    byAaguid: (aaguid) => model(entries.find((entry) => entry.aaguid === aaguid)),
    byKeyIds: (ids) => model(entries.find(({ keyIds }) => keyIds.some((id) => ids.includes(id)))),
  };
}

async function findRecord(vault: Parts['vault'], log: Log): Promise<Kept | null> {
  const plain = await vault.open(RECORD).catch((error: unknown) => {
    if (!hasCode(error, 'VAULT_CORRUPT')) throw error;
    log('passkey.metadata-set-aside', { code: 'VAULT_CORRUPT' });
    return null;
  });
  if (plain === null) return null;
  const record = recordSchema.safeParse(parseJson(plain));
  if (record.success) return record.data;
  await vault.setAside(RECORD);
  log('passkey.metadata-set-aside', { code: 'VAULT_CORRUPT' });
  return null;
}

function parseJson(plain: Buffer): unknown {
  try {
    return JSON.parse(plain.toString('utf8'));
  } catch {
    // Not JSON is one more way of not being a record of ours; the schema says so.
    return undefined;
  }
}
