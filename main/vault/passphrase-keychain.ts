/** The keychain of a machine that has none and whose owner chose `--vault passphrase`: it keeps nothing, and says so every time. */
import { AppError } from '../app-error.ts';
import type { Keychain } from '../ports.ts';

/** A vault over it is sealed by a passphrase or not at all. */
export function passphraseOnlyKeychain(): Keychain {
  const missing = async (): Promise<never> => {
    throw new AppError('KEYCHAIN_MISSING', { detail: 'This agent was started with `--vault passphrase`.' });
  };
  return { kind: 'passphrase', read: missing, write: missing, erase: missing };
}
