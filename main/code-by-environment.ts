/**
 * Variables by which another program of the same user has code of its own loaded into ours, before our first line or after it. It must name
 * no variable that people need in order to run Lakepass.
 */

/** Node's options; native code for the keychain's loader; a provider, as code, for OpenSSL (its config(5)); libraries for the system's loader. */
const loading = [
  'NODE_OPTIONS',
  'NAPI_RS_NATIVE_LIBRARY_PATH',
  ...['OPENSSL_CONF', 'OPENSSL_MODULES', 'OPENSSL_ENGINES'],
  ...['LD_PRELOAD', 'LD_AUDIT', 'DYLD_INSERT_LIBRARIES'],
];
/** Node believes what lies there to be what it once compiled of our files. */
const COMPILED = 'NODE_COMPILE_CACHE';

/** Names of those that are set. What Node compiled counts for an installed program: a checkout can be written where the cache can. */
export function loadingIn(env: NodeJS.ProcessEnv, isCheckout = import.meta.url.endsWith('.ts')): string[] {
  return [...loading, ...(isCheckout ? [] : [COMPILED])].filter((name) => (env[name] ?? '').trim() !== '');
}

/** The same environment without them. */
export function withoutLoading(env: NodeJS.ProcessEnv, isCheckout?: boolean): NodeJS.ProcessEnv {
  const named = new Set(loadingIn(env, isCheckout));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !named.has(name)));
}
