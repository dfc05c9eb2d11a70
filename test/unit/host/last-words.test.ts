/** A crash names its place and none of the secrets that were at hand. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const source = JSON.stringify(fileURLToPath(new URL('../../../main/last-words.ts', import.meta.url)));

function crash(how: string) {
  const script = `const { leaveLastWords } = await import(${source});
    leaveLastWords();
    const cause = Object.assign(new Error('Unexpected token in "marked-secret"'), { body: { access_token: 'marked-secret' } });
    function placeOfTheBug() { return Object.assign(new TypeError('cannot read marked-secret', { cause }), { code: 'ERR_BUG', note: 'marked-secret' }); }
    ${how}
    setTimeout(() => console.log('lives on'), 2000);`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
}

it.each([
  ['an error nobody catches', 'setImmediate(() => { throw placeOfTheBug(); });'],
  ['a promise nobody waits for', 'void Promise.reject(placeOfTheBug());'],
])('says where, and nothing of what, for %s', (_, how) => {
  const { status, stdout, stderr } = crash(how);
  expect(stdout).toBe('');
  expect(stderr).toContain('lakepass crashed: TypeError ERR_BUG\n    at placeOfTheBug');
  expect(stderr).not.toContain('marked-secret');
  expect(status).toBe(1);
});

it('says only its kind for something that is no error', () => {
  const { status, stderr } = crash("void Promise.reject({ access_token: 'marked-secret' });");
  expect(stderr).toMatch(/^lakepass crashed: /);
  expect(stderr).not.toContain('marked-secret');
  expect(status).toBe(1);
});
