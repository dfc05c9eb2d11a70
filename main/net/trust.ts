/**
 * Whose certificates are believed: the authorities that come with Node, those of the operating system, and those in the file that the
 * configuration names. Nothing is ever taken away from the checks themselves, and no variable of the environment adds an authority: whoever
 * starts the agent is not the one who approves its configuration.
 */
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { type Authorities, readAuthorities } from './ca-file.ts';
import { ignoredVariables } from './environment.ts';

export interface Trust {
  /** From the next connection on: the file with further authorities (`network.caFile`), as it was approved. */
  use(authorities: Authorities): void;
  /**
   * What a connection is checked against. Stores are read when they are first needed, and again when the file has changed.
   *
   * @throws AppError CA_FILE_UNUSABLE (reason: unreadable, owner, mode, size, form, changed): without it the company's servers could not be
   *   told from others, so nothing is connected to
   */
  context(): SecureContext;
}

/** @param stores PEM certificates of the authorities that are believed anyway */
export function createTrust(stores: () => string[] = machineStores): Trust {
  let authorities: Authorities = {};
  let made: { of: string; context: SecureContext } | undefined;
  return {
    use(given) {
      authorities = given;
    },
    context() {
      const own = readAuthorities(authorities);
      const of = own.join('\n');
      if (made?.of !== of) made = { of, context: createSecureContext({ ca: [...new Set([...stores(), ...own])] }) };
      return made.context;
    },
  };
}

/** Node's own store alone would not do where a company inspects TLS: its authority is only in the system's. */
function machineStores(): string[] {
  // OpenSSL looks for the system's store where these say, and Node reads it once in the life of a process.
  const said = ignoredVariables.map((name): [string, string | undefined] => [name, process.env[name]]);
  try {
    // check: ca-not-by-environment
    for (const name of ignoredVariables) delete process.env[name];
    // end check
    return [...getCACertificates('bundled'), ...getCACertificates('system')];
  } finally {
    for (const [name, value] of said) if (value !== undefined) process.env[name] = value;
  }
}
