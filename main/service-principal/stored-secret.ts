/**
 * The secret of a service principal, sealed in the vault together with what it was given for: a client id and the hosts it may be sent
 * to. A configuration that names others later, whoever wrote it, does not get it there.
 */
import { z } from 'zod';
import { clientSecretShape } from '../../preload/contract/service-principal.ts';
import { AppError } from '../app-error.ts';
import type { ServicePrincipal } from '../profile/profile.ts';
import { Secret } from '../secret.ts';
import type { EpochMs } from '../units.ts';
import type { Records } from '../vault/vault.ts';

export interface KeptSecret {
  secret: Secret;
  setAt: EpochMs;
  /** It was set where a person is asked before a program gets a token of it. */
  attended: boolean;
}

interface StoredSecret extends KeptSecret {
  clientId: string;
  /** Origins. */
  hosts: readonly string[];
}

export interface SecretStore {
  /** null: there is none. @throws AppError VAULT_SEALED | PASSPHRASE_NEEDED | VAULT_CORRUPT */
  read(): Promise<StoredSecret | null>;
  /** @throws AppError VAULT_SEALED | PASSPHRASE_NEEDED | DISK_FULL */
  write(kept: KeptSecret): Promise<void>;
  /** @throws AppError DISK_FULL */
  erase(): Promise<void>;
}

const storedSchema = z.strictObject({
  version: z.literal(1),
  clientId: z.string(),
  hosts: z.array(z.string()),
  secret: z.string().regex(clientSecretShape),
  setAt: z.int().nonnegative(),
  attended: z.boolean(),
});

export function createSecretStore(vault: Records, { name, clientId, workspaces }: ServicePrincipal): SecretStore {
  const record = `principal-${name}`;
  return {
    async read() {
      const plain = await vault.open(record);
      if (plain === null) return null;
      try {
        const stored = storedSchema.parse(JSON.parse(plain.toString('utf8')));
        return { ...stored, secret: new Secret(stored.secret), setAt: stored.setAt as EpochMs };
      } catch {
        // What the parser says may quote the secret.
        await vault.setAside(record);
        throw new AppError('VAULT_CORRUPT', { reason: record });
      } finally {
        plain.fill(0);
      }
    },
    async write({ secret, setAt, attended }) {
      const hosts = workspaces.map(({ host }) => host);
      const plain = Buffer.from(JSON.stringify({ version: 1, clientId, hosts, secret: secret.reveal(), setAt, attended }));
      try {
        await vault.seal(record, plain);
      } finally {
        plain.fill(0);
      }
    },
    erase: () => vault.erase(record),
  };
}

/** Whether the secret may be sent to `origin` for this client. @throws AppError PRINCIPAL_SECRET_NEEDED (`reason` 'other-client', 'other-host') */
export function requireGivenFor(stored: Pick<StoredSecret, 'clientId' | 'hosts'>, clientId: string, origin: string): void {
  // check: principal-secret-own-client
  if (stored.clientId !== clientId) throw new AppError('PRINCIPAL_SECRET_NEEDED', { reason: 'other-client', detail: otherWords });
  // end check
  // check: principal-secret-own-hosts
  if (!stored.hosts.includes(origin))
    throw new AppError('PRINCIPAL_SECRET_NEEDED', {
      reason: 'other-host',
      detail: `${otherWords} It is not sent to ${new URL(origin).host}.`,
    });
  // end check
}

/**
 * What was set where people are asked is not used where nobody is: any program can take away what says that there are people.
 *
 * @throws AppError PRINCIPAL_SECRET_NEEDED (`reason` 'unattended')
 */
export function requireAsked({ attended }: Pick<KeptSecret, 'attended'>, isAttended: boolean): void {
  // check: principal-secret-attended
  if (attended && !isAttended)
    throw new AppError('PRINCIPAL_SECRET_NEEDED', {
      reason: 'unattended',
      detail: 'It was set where a person is asked first, and here nobody is. Set it again if that is meant.',
    });
  // end check
}

const otherWords = 'The configuration has changed since it was set.';
