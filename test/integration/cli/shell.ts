/** A shell of the user's that stays, as in a terminal: what it runs stands below it, and grants of `lakepass env` are bound to it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { type Ended, spawnAs } from '../../machine/accounts.ts';
import type { Product } from '../../product/product.ts';

export interface Shell {
  lakepass(...args: string[]): Promise<Pick<Ended, 'code' | 'stdout' | 'stderr'>>;
  /** `lakepass ARGS --json`, parsed. @throws when it fails */
  json(...args: string[]): Promise<Record<string, unknown>>;
  close(): void;
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

export function openShell({ machine, home }: Pick<Product, 'machine' | 'home'>): Shell {
  const env = { BROWSER: 'none', LAKEPASS_NODE: machine.node, LAKEPASS_VAULT: 'memory' };
  const child = spawnAs(machine.user, '/bin/sh', [], { home, env, stdio: ['pipe', 'pipe', 'inherit'] });
  const [input, output] = [child.stdin as Writable, child.stdout as Readable];
  let heard = '';
  output.setEncoding('utf8').on('data', (text: string) => (heard += text));
  const [out, err] = [join(home, 'shell.out'), join(home, 'shell.err')];

  const lakepass: Shell['lakepass'] = async (...args) => {
    const said = Promise.withResolvers<number>();
    heard = '';
    const look = (): void => {
      const code = /^ended (\d+)\n/.exec(heard)?.[1];
      if (code !== undefined) said.resolve(Number(code));
    };
    output.on('data', look);
    input.write(
      `${[join(machine.dist, 'lakepass'), ...args].map(quoted).join(' ')} </dev/null >${quoted(out)} 2>${quoted(err)}; echo "ended $?"\n`,
    );
    const code = await said.promise;
    output.off('data', look);
    return { code, stdout: readFileSync(out, 'utf8'), stderr: readFileSync(err, 'utf8') };
  };
  return {
    lakepass,
    async json(...args) {
      const { code, stdout, stderr } = await lakepass(...args, '--json');
      if (code !== 0) throw new Error(`lakepass ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
      return JSON.parse(stdout);
    },
    close: () => void input.end(),
  };
}
