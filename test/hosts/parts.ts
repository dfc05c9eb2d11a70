/** What every host stands on: the product's home and services, the machine's signals, and a person with a browser of their own. */
import type { Person, UsersBrowser } from '../e2e/person.ts';
import { openBrowser } from '../e2e/person.ts';
import { startDesktop } from '../product/desktop.ts';
import { type Keyring, startKeyring } from '../product/keyring.ts';
import { type Product, startProduct } from '../product/product.ts';
import type { Host, HostOptions } from './host.ts';

export interface Ground {
  product: Product;
  env: NodeJS.ProcessEnv;
  machine: Host['machine'];
  vault: 'keychain' | 'memory';
  person(): Promise<Person>;
  close(): Promise<void>;
}

export async function makeGround({
  empty = false,
  keyring: wantsKeyring = false,
  prf = false,
  env: own = {},
  ...options
}: HostOptions): Promise<Ground> {
  // Filled in before anything of the product is started.
  const env: NodeJS.ProcessEnv = { ...own };
  const product = await startProduct({ ...options, env, ...(empty ? { policy: null } : {}) });
  const { user } = product.machine;
  const bus = await startDesktop(user, product.home);
  const keyring: Keyring | undefined = wantsKeyring ? await startKeyring(user, product.home) : undefined;
  Object.assign(env, bus.env, keyring?.env, wantsKeyring ? { LAKEPASS_VAULT: 'keychain' } : {});
  if (empty) await product.run('rm', ['-r', '.config/lakepass']);
  let users: UsersBrowser | undefined;
  let person: Promise<Person> | undefined;
  return {
    ...{ product, env },
    vault: wantsKeyring ? 'keychain' : 'memory',
    machine: {
      lockScreen: async () => bus.lockScreen(),
      unlockScreen: async () => bus.unlockScreen(),
      sleep: async () => bus.goToSleep(),
      // A plain process sees by its clock that it has slept.
      wake: async () => undefined,
    },
    person() {
      person ??= openBrowser(product, { engineOnly: true }).then((opened) => {
        users = opened;
        return opened.person({ prf });
      });
      return person;
    },
    async close() {
      await users?.close();
      await product.close();
      await keyring?.close();
      await bus.close();
    },
  };
}
