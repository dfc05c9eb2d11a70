import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bundleNames,
  bundles,
  bundleWords,
  catalogueDate,
  cloudOf,
  resolveScopes,
  scopeCatalogue,
  scopeWords,
} from '../../../main/databricks/scopes.ts';

const codes = (words: string[]): { code?: unknown; reason?: unknown; detail?: unknown } => {
  try {
    resolveScopes(words);
    return {};
  } catch (error) {
    return error as object;
  }
};

describe('scopes', () => {
  it('resolves bundles and scopes to one sorted list without duplicates', () => {
    expect(resolveScopes(['model-serving', 'sql', 'ml', 'sql'])).toEqual([
      'files',
      'mlflow',
      'model-serving',
      'sql',
      'unity-catalog',
      'vector-search',
    ]);
  });

  it('gives sql alone for the bundle sql', () => {
    expect(resolveScopes(['sql'])).toEqual(['sql']);
  });

  it.each(bundleNames)('bundle %s holds catalogued scopes only, sorted', (name) => {
    expect(bundles[name].length).toBeGreaterThan(0);
    expect([...bundles[name]]).toEqual([...new Set(bundles[name])].sort());
    for (const scope of bundles[name]) expect(scopeCatalogue).toContain(scope);
  });

  it.each([
    ['all-apis', 'everything'],
    ['openid', 'identity'],
    ['email', 'identity'],
    ['profile', 'identity'],
    ['offline_access', 'identity'],
    ['billing', 'account'],
    ['provisioning', 'account'],
    ['everything', 'unknown'],
    ['SQL', 'unknown'],
    ['sql files', 'unknown'],
    ['', 'unknown'],
    ['__proto__', 'unknown'],
    ['constructor', 'unknown'],
    ['all-apis ', 'unknown'],
  ])('refuses %j', (word, reason) => {
    expect(codes([word])).toMatchObject({ code: 'SCOPE_UNKNOWN', reason });
    expect(codes(['sql', word])).toMatchObject({ code: 'SCOPE_UNKNOWN', reason });
  });

  it('refuses an empty list, which a workspace would answer with everything', () => {
    expect(codes([])).toMatchObject({ code: 'SCOPE_UNKNOWN', reason: 'none' });
  });

  it('says why all-apis is refused', () => {
    expect(codes(['all-apis']).detail).toContain('all-apis');
  });

  it.each(['\u001b[2Jnice try', 'sql"; rm', 'x'.repeat(200)])('repeats no word that is not shaped like a scope: %j', (word) => {
    expect(codes([word]).code).toBe('SCOPE_UNKNOWN');
    expect(codes([word]).detail).toBeUndefined();
  });

  it('adds what a bundle needs on one cloud there, and nowhere else, and never to a plain scope', () => {
    expect(resolveScopes(['bi'], 'azure')).toContain('dashboards.genie');
    expect(resolveScopes(['bi'], 'aws')).not.toContain('dashboards.genie');
    expect(resolveScopes(['bi'])).toEqual(resolveScopes(['bi'], 'aws'));
    expect(resolveScopes(['genie'], 'azure')).toEqual(['genie']);
  });

  it.each([
    ['https://acme.cloud.databricks.com', 'aws'],
    ['https://adb-1234567890123456.7.azuredatabricks.net', 'azure'],
    ['https://1234567890123456.7.gcp.databricks.com', 'gcp'],
    ['https://azuredatabricks.net.example.com', 'aws'],
    ['http://127.0.0.1:4321', 'aws'],
  ])('takes %s for %s', (host, cloud) => {
    expect(cloudOf(host)).toBe(cloud);
  });

  it('changes nothing when a resolved list is resolved again, on any cloud', () => {
    const words = fc.uniqueArray(fc.constantFrom<string>(...bundleNames, ...scopeCatalogue), { minLength: 1, maxLength: 12 });
    const cloud = fc.constantFrom('aws' as const, 'azure' as const, 'gcp' as const);
    fc.assert(
      fc.property(words, cloud, (list, where) => {
        const resolved = resolveScopes(list, where);
        expect(resolveScopes(resolved, where)).toEqual(resolved);
        expect(resolveScopes(resolved)).toEqual(resolved);
      }),
    );
  });

  it('says in plain words what each of them allows', () => {
    for (const scope of scopeCatalogue) {
      const [words, ...more] = scopeWords([scope]);
      expect(more).toEqual([]);
      expect(words, scope).toMatch(/^[a-z][A-Za-z ,]{10,80}$/);
      expect(words, scope).not.toContain('use the scope');
    }
    for (const name of bundleNames) expect(bundleWords[name]).toMatch(/^[a-z].{10,90}$/);
  });

  it('says one thing once, and names a scope it has no words for', () => {
    expect(scopeWords(['genie', 'dashboards.genie', 'sql', 'brand-new'])).toEqual([
      'ask Genie about data',
      'run SQL statements on warehouses',
      'use the scope brand-new',
    ]);
    expect(scopeWords(['constructor'])).toEqual(['use the scope constructor']);
  });

  it('is data with a date and both vocabularies', () => {
    expect(new Date(catalogueDate).toISOString().slice(0, 10)).toBe(catalogueDate);
    expect(scopeCatalogue).toEqual(expect.arrayContaining(['sql', 'sql.statement-execution', 'genie', 'dashboards.genie']));
  });
});
