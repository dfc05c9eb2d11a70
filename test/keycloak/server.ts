/** A real Keycloak on this machine, in development mode: its own process, its own memory database, on a port of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { keycloakHome } from './install.ts';
import { realmName } from './realm.ts';

export interface Keycloak {
  /** The issuer of the realm. */
  issuer: string;
  close(): Promise<void>;
}

/** It builds itself at its first start: most of a minute on two quiet cores, four on busy ones. */
const patienceMs = 480_000;

/** @param realm as `realmOf` makes it */
export async function startKeycloak(realm: object): Promise<Keycloak> {
  const data = join(keycloakHome, 'data');
  rmSync(data, { recursive: true, force: true });
  mkdirSync(join(data, 'import'), { recursive: true });
  writeFileSync(join(data, 'import', `${realmName}.json`), JSON.stringify(realm));
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const issuer = `${origin}/realms/${realmName}`;
  const args = ['start-dev', '--db=dev-mem', '--import-realm', '--http-host=127.0.0.1', `--http-port=${port}`, `--hostname=${origin}`];
  // It lives for a minute or two: to be up soon counts for more than to be fast.
  const env = { ...process.env, JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1' };
  const child = spawn(join(keycloakHome, 'bin', 'kc.sh'), args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (said = `${said}${part}`.slice(-20_000)));
  const exited = once(child, 'exit');
  const close = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
  };
  const until = Date.now() + patienceMs;
  while (!(await answers(issuer))) {
    if (child.exitCode === null && Date.now() < until) {
      await wait(250);
      continue;
    }
    await close();
    throw new Error(`Keycloak did not come up: ${said}`);
  }
  return { issuer, close };
}

async function answers(issuer: string): Promise<boolean> {
  try {
    return (await fetch(`${issuer}/.well-known/openid-configuration`)).ok;
  } catch {
    // It does not listen yet; whoever asks gives up in the end.
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
