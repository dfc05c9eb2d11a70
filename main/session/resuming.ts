/** What becomes of a stored session when the agent starts: adopted as it is, given its one replay, or left alone. */
import { AppError, asAppError } from '../app-error.ts';
import type { Clock, Log } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import type { EpochMs } from '../units.ts';
import { beginLife, type LiveSession } from './live-session.ts';
import type { Rotation } from './rotation.ts';
import type { SessionStore, StoredSession } from './stored-session.ts';

interface Parts {
  profile: Profile;
  store: SessionStore;
  rotation: Rotation;
  clock: Clock;
  log: Log;
}

/**
 * @returns the session as it was; null where none is stored. `lost`: its token has been sent twice and is not sent again
 * @throws AppError VAULT_CORRUPT: a record does not open; it was set aside, nothing was deleted
 * @throws AppError SIGNED_OUT (`reason` 'issuer-changed'): it belongs to another provider than the profile names; it was left alone
 */
export async function recallSession({
  profile,
  store,
  rotation,
  clock,
  log,
}: Parts): Promise<{ session: LiveSession; lost: boolean } | null> {
  const stored = await store.session();
  if (stored === null) {
    await store.eraseAll();
    return null;
  }
  // check: session-issuer-binding
  if (stored.issuer !== profile.idp.issuer || stored.clientId !== profile.idp.clientId)
    throw new AppError('SIGNED_OUT', {
      reason: 'issuer-changed',
      detail: 'The profile names another identity provider than the stored session.',
    });
  // end check
  const state = await recallRotation(rotation, store, stored);
  const now = clock.now();
  // Times from the future are the work of a clock that was wrong; they must not make a session longer.
  const signedInAt = Math.min(now, stored.signedInAt) as EpochMs;
  const lastUsedAt = Math.min(now, Math.max(stored.lastUsedAt, await lastUse(store, stored.id, log))) as EpochMs;
  const { identity, assurance, renewedAt } = stored;
  const session = beginLife({ clock, limits: profile.limits, identity, assurance, signedInAt, renewedAt, lastUsedAt, stored, jwt: null });
  return { session, lost: state === 'spent' };
}

/** An intent that cannot be read may have said "sent twice": the token it was about is not used again, and not deleted. */
async function recallRotation(rotation: Rotation, store: SessionStore, stored: StoredSession): Promise<'ready' | 'replay' | 'spent'> {
  try {
    return await rotation.recall(stored);
  } catch (error) {
    // check: rotation-intent-unreadable
    if (asAppError(error).code === 'VAULT_CORRUPT') await store.setAsideSession();
    // end check
    throw error;
  }
}

async function lastUse(store: SessionStore, id: string, log: Log): Promise<number> {
  try {
    const activity = await store.activity();
    return activity?.id === id ? activity.lastUsedAt : 0;
  } catch (error) {
    // Without it the idle limit only comes sooner.
    log('session.use-unreadable', { code: asAppError(error).code });
    return 0;
  }
}
