/** The sample notebook is a notebook, and holds nothing that would have to be kept secret. */
import { describe, expect, it } from 'vitest';
import { cells, driver, notebookText, statement } from '../../../main/setup/sample-notebook.ts';

describe('the sample notebook', () => {
  it('has a cell for each thing that can fail, in the format that editors read', () => {
    const notebook = JSON.parse(notebookText());
    expect(notebook).toMatchObject({ nbformat: 4, nbformat_minor: 5, metadata: { kernelspec: { name: 'python3' } } });
    const code = notebook.cells.filter(({ cell_type: type }: { cell_type: string }) => type === 'code');
    expect(code.map(({ source }: { source: string[] }) => source.join(''))).toEqual(cells.map((each) => each.code.join('\n')));
    expect(code.every(({ outputs }: { outputs: unknown[] }) => outputs.length === 0)).toBe(true);
  });

  it('asks what the one call without a Python asks', () => {
    expect(cells.at(-1)?.code.join('\n')).toContain(`"${statement}"`);
  });

  it('names no token and no address', () => {
    expect(notebookText() + driver).not.toMatch(/127\.0\.0\.1|DATABRICKS_TOKEN|dapi|METADATA_SERVICE_URL/);
  });
});
