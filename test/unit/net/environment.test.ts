/** What the environment of the agent may say about its way out, and how that is told. */
import { describe, expect, it } from 'vitest';
import { environmentFacts, environmentNotes } from '../../../main/net/environment.ts';

describe('the record of a start', () => {
  it.each([
    [{}, {}],
    [{ HTTPS_PROXY: 'http://anna:hunter2@proxy.acme.test:3128' }, { proxy: 'proxy.acme.test:3128' }],
    [{ https_proxy: 'proxy.acme.test:3128', no_proxy: '*' }, { proxy: 'proxy.acme.test:3128' }],
    [{ HTTPS_PROXY: 'socks5://anna:hunter2@proxy.acme.test' }, { proxy: 'invalid' }],
    [
      { NODE_EXTRA_CA_CERTS: '/tmp/evil.pem', SSL_CERT_FILE: '/tmp/evil.pem', SSL_CERT_DIR: '' },
      { ignored: 'NODE_EXTRA_CA_CERTS, SSL_CERT_FILE' },
    ],
  ])('of %o has %o, and no login', (env, facts) => {
    expect(environmentFacts(env)).toEqual(facts);
  });
});

describe('status', () => {
  it.each(['NODE_EXTRA_CA_CERTS', 'NODE_TLS_REJECT_UNAUTHORIZED', 'SSL_CERT_FILE', 'SSL_CERT_DIR'])(
    'names %s where it is set, with what to do instead, and not its value',
    (name) => {
      const [note = '', ...more] = environmentNotes({ [name]: 'canary', HTTPS_PROXY: 'http://proxy.acme.test' });
      expect(note).toMatch(new RegExp(`^${name} is set .*network\\.caFile`));
      expect([note.includes('canary'), more]).toEqual([false, []]);
    },
  );

  it('says nothing of an environment that names nobody to believe', () => {
    expect(environmentNotes({ HTTPS_PROXY: 'http://proxy.acme.test', SSL_CERT_FILE: '' })).toEqual([]);
  });
});
