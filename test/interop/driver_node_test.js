// Predictions through node-postgres, which sends every parameter without a type;
// run by driver_test.py with socket folder and port.
'use strict';
const { Client } = require('pg');

let passed = 0;
let failed = 0;

function check(name, condition, detail = '') {
  if (condition) {
    passed += 1;
  } else {
    failed += 1;
    console.log(`not ok node ${name} ${detail}`);
  }
}

function objectText(row) {
  return JSON.stringify({ city: row.city, ok: row.ok, b: row.b, a: row.a, more: [1] });
}

async function ask(client, query) {
  const result = await client.query({ rowMode: 'array', ...query });
  return result.rows[0][0];
}

// Every row's prediction must be libxgboost's, to the last bit.
async function compare(client, name, rows, makeQuery) {
  const wrong = [];
  for (const row of rows) {
    const answer = await ask(client, makeQuery(row));
    if (answer !== row.expected) wrong.push([row.id, answer, row.expected]);
  }
  check(name, wrong.length === 0, JSON.stringify(wrong.slice(0, 3)));
}

async function sqlstate(client, text, values) {
  try {
    await client.query(text, values);
  } catch (error) {
    return error.code;
  }
  return undefined;
}

async function test(client) {
  const rows = (await client.query('SELECT id, a, b, ok, city, expected FROM row_mixed ORDER BY id')).rows;
  const vectors = (await client.query('SELECT id, v, expected FROM row_number ORDER BY id')).rows;
  const values = (r) => [r.a, r.b, r.ok, r.city];

  await compare(client, 'untyped object', rows, (r) => ({ text: 'SELECT mlops.predict($1, $2)', values: ['driver', objectText(r)] }));
  await compare(client, 'a JavaScript object', rows, (r) => ({ text: 'SELECT mlops.predict($1, $2)', values: ['driver', JSON.parse(objectText(r))] }));
  await compare(client, 'jsonb object', rows, (r) => ({ text: 'SELECT mlops.predict($1, $2::jsonb)', values: ['driver', objectText(r)] }));
  await compare(client, 'typed parameters', rows, (r) => ({
    text: 'SELECT mlops.predict($1, $2::int, $3::float8, $4::boolean, $5::text)', values: ['driver', ...values(r)],
  }));
  await compare(client, 'typed function', rows, (r) => ({ text: 'SELECT driver_score($1, $2, $3, $4)', values: values(r) }));
  await compare(client, 'array', vectors, (r) => ({ text: 'SELECT mlops.predict($1, $2::float8[])', values: ['driver_number', r.v] }));
  await compare(client, 'prepared', rows, (r) => ({ name: 'object', text: 'SELECT mlops.predict($1, $2)', values: ['driver', objectText(r)] }));
  await compare(client, 'prepared typed function', rows, (r) => ({ name: 'typed', text: 'SELECT driver_score($1, $2, $3, $4)', values: values(r) }));
  const generic = await client.query("SELECT count(*)::int AS n FROM pg_prepared_statements WHERE name IN ('object', 'typed') AND generic_plans > 0");
  check('both came to a generic plan', generic.rows[0].n === 2, generic.rows[0].n);

  check('no object, no answer', (await ask(client, { text: 'SELECT mlops.predict($1, $2)', values: ['driver', null] })) === null);
  check('JSON null, no answer', (await ask(client, { text: 'SELECT mlops.predict($1, $2)', values: ['driver', 'null'] })) === null);
  check('missing member', (await sqlstate(client, 'SELECT mlops.predict($1, $2)', ['driver', '{"a": 1}'])) === 'ML004');
  check('several untyped values', (await sqlstate(client, 'SELECT mlops.predict($1, $2, $3, $4, $5)', ['driver', ...values(rows[0])])) === '42P18');
  check('no model', (await sqlstate(client, 'SELECT mlops.predict($1, $2)', ['absent', '{}'])) === 'ML001');

  await client.query('CREATE TEMP TABLE scored AS SELECT id, expected, NULL::float8 AS p FROM row_mixed LIMIT 0');
  await client.query('INSERT INTO scored SELECT id, expected, mlops.predict($1, r) FROM row_mixed r', ['driver']);
  const batch = await client.query('SELECT count(*) FILTER (WHERE p = expected)::int AS n FROM scored');
  check('batch', batch.rows[0].n === rows.length, batch.rows[0].n);
}

async function main() {
  const client = new Client({ host: process.argv[2], port: Number(process.argv[3]), user: 'analyst', database: 'postgres' });
  await client.connect();
  try {
    await test(client);
  } catch (error) { // what stops the test is a failed test
    check('test', false, error.stack);
  }
  await client.end();
  console.log(`node: ${passed} passed, ${failed} failed`);
  process.exit(failed > 0 ? 1 : 0);
}

main().catch((error) => {
  console.log(`not ok node main ${error.stack}\nnode: 0 passed, 1 failed`);
  process.exit(1);
});
