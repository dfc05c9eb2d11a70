// A plain client for machines without Python: what any Databricks SDK does with a metadata-service environment, in fetch.
const { DATABRICKS_HOST: host, DATABRICKS_METADATA_SERVICE_URL: url } = process.env;
const token = async () => {
  const answer = await fetch(url, { headers: { 'X-Databricks-Metadata-Version': '1', 'X-Databricks-Host': host } });
  const { access_token, token_type, error, message } = await answer.json();
  if (typeof access_token !== 'string') throw new Error(`${error}: ${message}`);
  return `${token_type} ${access_token}`;
};
const call = async (path, body) => {
  const answer = await fetch(new URL(path, host), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: await token(), 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
};
const me = JSON.parse((await call('/api/2.0/preview/scim/v2/Me')).text);
const { warehouses } = JSON.parse((await call('/api/2.0/sql/warehouses')).text);
const sql = JSON.parse(
  (await call('/api/2.0/sql/statements', { statement: "SELECT 6 * 7 AS answer, 'lakehouse' AS place", warehouse_id: warehouses[0].id }))
    .text,
);
console.log(JSON.stringify({ user: me.userName, rows: sql.result.data_array }));
const serving = await call('/serving-endpoints/echo-chat/invocations', { messages: [{ role: 'user', content: 'hello' }] });
console.log(JSON.stringify({ serving: { error: `HTTP ${serving.status}`, message: serving.text } }));
