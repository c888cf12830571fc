// The placement over event streams of Emmett on PostgreSQL: every command reads one stream, decides, appends.
// Usage: node placement.mjs URL ORDERS.json; prints one line of JSON, or one line on standard error and exits with 1.
import { readFileSync } from "node:fs";
import { CommandHandler } from "@event-driven-io/emmett";
import { getPostgreSQLEventStore } from "@event-driven-io/emmett-postgresql";
import pg from "pg";

const [url, path] = process.argv.slice(2);
const { skus, plenty, warm_ups: warmUps, runs, facts_per_order: factsPerOrder } = JSON.parse(readFileSync(path));
const { dependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url)));
const version = dependencies["@event-driven-io/emmett"];
const CONCURRENCIES = Object.keys(warmUps).map(Number);

const handle = CommandHandler({
  initialState: () => ({ version: 0, onHand: 0, reserved: 0 }),
  evolve: (state, { type, data }) => ({
    version: state.version + 1,
    onHand: state.onHand + (type === "inventory.stock-received.v1" ? data.quantity : 0),
    reserved: state.reserved + (type === "inventory.stock-allocated.v1" ? 1 : 0),
  }),
  retry: { onVersionConflict: { retries: 20, minTimeout: 5, factor: 1.2 } },
});

const command = (store, { stream, events, follows }) =>
  handle(store, stream, (state) => {
    if (stream.startsWith("stock-")) {
      if (state.reserved >= state.onHand) throw new Error(`${stream} ran out`);
    } else if (state.version !== follows) {
      throw new Error(`${stream} is at ${state.version}, not ${follows}`);
    }
    return events;
  });

const place = async (store, orders, concurrency) => {
  const waiting = [...orders].reverse();
  const work = async () => {
    for (let order = waiting.pop(); order; order = waiting.pop())
      for (const step of order) await command(store, step);
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: concurrency }, work));
  return (orders.length * 1000) / (performance.now() - began);
};

const check = async (client, orders) => {
  const { rows } = await client.query(
    `select count(*)::int as events,
            count(*) filter (where message_type = 'order.confirmed.v1')::int as confirmed,
            count(*) filter (where message_type = 'inventory.stock-allocated.v1')::int as reserved,
            count(distinct (stream_id, stream_position))::int as distinct_events
     from emt_messages`,
  );
  const [{ events, confirmed, reserved, distinct_events: distinct }] = rows;
  const wanted = orders * factsPerOrder + skus.length;
  if (events !== wanted || distinct !== wanted || confirmed !== orders || reserved !== orders * 3)
    throw new Error(`${orders} orders were placed, but the store has ${JSON.stringify(rows[0])}`);
};

const insistOnDurability = async (client) => {
  for (const name of ["fsync", "synchronous_commit", "full_page_writes"]) {
    const { rows } = await client.query("select current_setting($1) as value", [name]);
    if (rows[0].value !== "on") throw new Error(`PostgreSQL runs without ${name}`);
  }
};

const main = async () => {
  const client = new pg.Client(url);
  await client.connect();
  const store = getPostgreSQLEventStore(url, {
    connectionOptions: { pool: new pg.Pool({ connectionString: url, max: Math.max(...CONCURRENCIES) }) },
  });
  try {
    await insistOnDurability(client);
    await store.schema.migrate();
    for (const sku of skus)
      await store.appendToStream(`stock-${sku}`, [
        { type: "inventory.stock-received.v1", data: { sku, location: "WH-EAST", quantity: plenty } },
      ]);
    const tried = [];
    for (const concurrency of CONCURRENCIES)
      tried.push([await place(store, warmUps[concurrency], concurrency), concurrency]);
    const [, best] = tried.sort(([one], [other]) => other - one)[0];
    const rates = [];
    for (const orders of runs) rates.push(await place(store, orders, best));
    await check(client, [...Object.values(warmUps), ...runs].reduce((sum, orders) => sum + orders.length, 0));
    console.log(
      JSON.stringify({
        peer: `emmett ${version}`,
        setting: `one process, a transaction a command, ${best} at a time`,
        commands_per_order: runs[0][0].length,
        orders_per_second: rates,
      }),
    );
  } finally {
    await store.close();
    await client.end();
  }
};

main().catch((error) => {
  console.error(`emmett: ${error.message}`);
  process.exit(1);
});
