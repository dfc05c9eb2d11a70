/** `lakepass can` and `lakepass run --check` as their user has them: on the built command, against the simulated workspace. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct } from './product.ts';

let product: Product;
let grant: string;
beforeAll(async () => {
  product = await startProduct();
  await product.signIn();
  grant = ((await product.json('env', '--scope', 'sql'))['grant'] as { id: string }).id;
});
afterAll(() => product.close());

interface Can {
  id: string;
  scope: boolean;
  missingScopes: string[];
  grant: string;
  checked?: string;
}
const canOf = async (...args: string[]): Promise<Map<string, Can>> => {
  const { can } = (await product.json('can', ...args)) as { can: Can[] };
  return new Map(can.map((each) => [each.id, each]));
};

describe('lakepass can', () => {
  it('tells the two sides apart without a token and without the network', async () => {
    const before = product.workspace.requests.length;
    const can = await canOf(grant);
    expect(can.get('sql-warehouse')).toMatchObject({ scope: true, missingScopes: [], grant: 'CAN USE on the warehouse' });
    expect(can.get('jobs')).toMatchObject({ scope: false, missingScopes: ['jobs'] });
    expect([...can.values()].filter(({ checked }) => checked !== undefined)).toEqual([]);
    expect(product.workspace.requests).toHaveLength(before);
  });

  it('says it for people, with the command that widens', async () => {
    const { stdout } = await product.lakepass(['can']);
    expect(stdout).toMatch(/^run SQL on a warehouse +yes +CAN USE on the warehouse/m);
    expect(stdout).toMatch(/^run a job +no: jobs +CAN MANAGE RUN on the job/m);
    expect(stdout).toContain(`lakepass grants add ${grant} `);
  });

  it('tries it at the workspace, and says which side refuses', async () => {
    const can = await canOf(grant, '--check');
    expect(can.get('who-am-i')).toMatchObject({ checked: 'works' });
    expect(can.get('sql-warehouse')).toMatchObject({ checked: 'works' });
    expect(can.get('genie')).toMatchObject({ scope: false, checked: 'scope' });
    expect(can.get('table-read')).not.toHaveProperty('checked');
  });

  it('knows no other grant', async () => {
    const { code, stdout } = await product.lakepass(['can', 'nobody', '--json']);
    expect(code).not.toBe(0);
    expect(stdout).toContain('GRANT_UNKNOWN');
  });
});

describe('lakepass run --check', () => {
  it('starts what its first token is fit for', async () => {
    const { code, stdout } = await product.lakepass(['run', '--check', '--scope', 'sql', '--', 'echo', 'started']);
    expect([code, stdout]).toEqual([0, 'started\n']);
  });

  it('starts nothing where the workspace gives no token', async () => {
    const file = join(product.home, 'started');
    product.workspace.withholdScopes(['files']);
    const { code, stderr } = await product.lakepass(['run', '--check', '--scope', 'files', '--', 'touch', file]);
    expect(code).toBe(125);
    expect(stderr).toMatch(/\[EXCHANGE_SCOPE_REFUSED/);
    expect(existsSync(file)).toBe(false);
  });
});
