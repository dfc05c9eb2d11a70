/**
 * What a Node program of a person's does with the Databricks SDK for JavaScript: no token, no Lakepass, only the DATABRICKS_* variables
 * around it. One query, then a question to Unity Catalog, which a token for `sql` alone may not ask. A JSON line for each.
 */
import { WorkspaceClient } from '@databricks/sdk-experimental';

// By default this SDK takes any TLS certificate.
const workspace = new WorkspaceClient({ skipVerify: false });
const warehouse = process.argv[2] ?? '';

const { result, status } = await workspace.statementExecution.executeStatement({
  warehouse_id: warehouse,
  statement: 'SELECT current_user() AS user, count(*) AS trips FROM trips',
});
console.log(JSON.stringify({ answer: [status?.state, ...(result?.data_array?.[0] ?? [])] }));

try {
  const names: string[] = [];
  for await (const table of workspace.tables.list({ catalog_name: 'main', schema_name: 'default' })) names.push(table.name ?? '');
  console.log(JSON.stringify({ refused: null, answer: names }));
} catch (error) {
  console.log(JSON.stringify({ refused: error instanceof Error ? error.message : String(error) }));
}
