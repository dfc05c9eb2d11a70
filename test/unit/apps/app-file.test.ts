/** `app.yaml` as Databricks reads it, and the variables an app gets. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAppFile } from '../../../main/apps/app-file.ts';
import { appEnvironment, withPort } from '../../../main/apps/environment.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lakepass-app-file-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const write = (text: string, name = 'app.yaml'): void => writeFileSync(join(folder, name), text);

describe('app.yaml', () => {
  it('names a command and variables', async () => {
    write('command: [uvicorn, "app:app", --port, 8000]\nenv:\n  - { name: A, value: "1" }\n  - { name: B, value: 2 }\n');
    expect(await readAppFile(folder, {})).toEqual({ command: ['uvicorn', 'app:app', '--port', '8000'], env: { A: '1', B: '2' } });
  });

  it('need not be there, and app.yml comes first', async () => {
    expect(await readAppFile(folder, {})).toEqual({ command: [], env: {} });
    write('command: [second]');
    write('command: [first]', 'app.yml');
    expect((await readAppFile(folder, {})).command).toEqual(['first']);
  });

  it('takes what the person gives in the place of what it says', async () => {
    write('env:\n  - { name: WAREHOUSE, valueFrom: sql-warehouse }\n  - { name: A, value: "1" }\n');
    expect((await readAppFile(folder, { WAREHOUSE: 'w1', A: 'mine' })).env).toEqual({ WAREHOUSE: 'w1', A: 'mine' });
  });

  it('says which variable only the workspace has', async () => {
    write('env:\n  - { name: WAREHOUSE, valueFrom: sql-warehouse }\n');
    await expect(readAppFile(folder, {})).rejects.toMatchObject({
      code: 'APP_START_FAILED',
      reason: 'value-from',
      detail: 'WAREHOUSE in app.yaml comes from a resource of the workspace: give it with --env WAREHOUSE=VALUE.',
    });
  });

  it.each(['command: run.sh', 'env: 1', 'env:\n  - { name: "A B", value: x }', 'a: [', 'command: !x [a]', `# ${'x'.repeat(70_000)}`])(
    'is refused where it is no such file: %.30s',
    async (text) => {
      write(text);
      await expect(readAppFile(folder, {})).rejects.toMatchObject({ code: 'APP_START_FAILED', reason: 'file' });
    },
  );
});

describe('the variables of an app', () => {
  const setting = { name: 'app', url: 'http://lakepass-apps.localhost:4000', port: 4001, workspace: 'https://acme.cloud.databricks.com' };

  it('say where it is and where it listens', () => {
    expect(appEnvironment(setting)).toMatchObject({
      ...{ DATABRICKS_APP_NAME: 'app', DATABRICKS_APP_URL: setting.url, DATABRICKS_APP_PORT: '4001', PORT: '4001' },
      ...{ DATABRICKS_HOST: setting.workspace, STREAMLIT_SERVER_PORT: '4001', UVICORN_PORT: '4001', FLASK_RUN_PORT: '4001' },
    });
  });

  it('hold no credential', () => {
    expect(Object.keys(appEnvironment(setting)).filter((name) => /TOKEN|SECRET|PASSWORD|METADATA|CLIENT_ID/.test(name))).toEqual([]);
  });

  it('stand in its command by the port alone', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as it stands in app.yaml
    expect(withPort(['--port=$DATABRICKS_APP_PORT', '${DATABRICKS_APP_PORT}', '$DATABRICKS_APP_PORTS', '$HOME'], 4001)).toEqual([
      ...['--port=4001', '4001', '$DATABRICKS_APP_PORTS', '$HOME'],
    ]);
  });
});
