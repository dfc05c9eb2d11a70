/**
 * The identity provider of one profile: signing in, refreshing, revoking. Puts the parts of this folder together and keeps
 * what they share: the line to the provider, its metadata, its keys.
 */
import type { AuditLog } from '../audit/event.ts';
import type { Ports } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import type { CallbackDoor, CallbackDoorParts } from './callback-door.ts';
import { createDiscovery } from './discovery.ts';
import { openIssuerLine } from './issuer-line.ts';
import { createKeySet } from './key-set.ts';
import { METADATA_AGE, refresh } from './refresh.ts';
import { revoke } from './revoke.ts';
import { registerKey, signIn } from './sign-in.ts';
import type { Identity, IdentityProvider } from './signed-in.ts';

export interface IdentityProviderParts
  extends Pick<Ports, 'clock' | 'fetch' | 'random' | 'openBrowser' | 'log'>,
    Pick<CallbackDoorParts, 'peerUid' | 'uid'> {
  profile: Profile;
  audit: AuditLog;
  /** Where the browser goes after a sign-in that went well. */
  nextPage?: (identity: Identity) => Promise<URL | null>;
  /** Every profile in use. */
  profiles?: () => readonly Profile[];
}

export function createIdentityProvider(parts: IdentityProviderParts): IdentityProvider {
  const { profile, clock, fetch } = parts;
  const line = openIssuerLine({ fetch, clock });
  const discovery = createDiscovery({ profile, line, clock });
  const metadata = () => discovery.metadata(METADATA_AGE);
  const keys = createKeySet({ address: async () => (await metadata()).jwks_uri, line, clock });
  const services = openIssuerLine({ fetch, clock });
  const shared = { ...parts, line, services, discovery, keys, proofNonce: { last: null } };
  let lastDoor: CallbackDoor | undefined;

  const onDoor = (door: CallbackDoor): void => {
    lastDoor = door;
  };

  return {
    async signIn({ requestId, ...asked }) {
      // It may still wait for the browser to fetch its last page, on a port that is needed again.
      await lastDoor?.close();
      return signIn({ ...shared, line: line.as(requestId) }, { ...asked, onDoor });
    },
    async registerKey(asked) {
      await lastDoor?.close();
      return registerKey(shared, { ...asked, onDoor });
    },
    refresh: (refreshToken, origin, requestId) => refresh({ ...shared, line: line.as(requestId) }, refreshToken, origin),
    revoke: (refreshToken) => revoke(shared, metadata, refreshToken.reveal()),
  };
}
