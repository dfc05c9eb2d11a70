import { describe, expect, it } from 'vitest';
import { loadConfig, workspaceOf } from '../../../main/profile/load-config.ts';
import type { Profile } from '../../../main/profile/profile.ts';
import { configFile, goodConfig } from './config-file.ts';

const load = async (text: string): Promise<Profile> => {
  const profile = (await loadConfig(await configFile(text))).profiles.get('acme');
  if (!profile) throw new Error('no profile');
  return profile;
};
const two = `${goodConfig}      - name: dev\n        host: https://dev.cloud.databricks.com\n`;

describe('workspaceOf', () => {
  it('finds the only workspace when none is named', async () => {
    expect(workspaceOf(await load(goodConfig), undefined).name).toBe('prod');
  });

  it.each(['dev', 'https://dev.cloud.databricks.com', 'https://DEV.cloud.databricks.com/', 'https://dev.cloud.databricks.com:443/sql?o=1'])(
    'finds a workspace by %s',
    async (nameOrHost) => {
      expect(workspaceOf(await load(two), nameOrHost).name).toBe('dev');
    },
  );

  it.each<[string | undefined, string]>([
    [undefined, 'several'],
    ['Dev', 'none'],
    ['', 'none'],
    ['http://dev.cloud.databricks.com', 'none'],
    ['https://dev.cloud.databricks.com.evil.example', 'none'],
    ['null', 'none'],
  ])('refuses %j', async (nameOrHost, reason) => {
    const profile = await load(two);
    expect(() => workspaceOf(profile, nameOrHost)).toThrow(expect.objectContaining({ code: 'WORKSPACE_UNKNOWN', reason }));
  });
});
