// Mastra, the model of this library, on its own storage. Told what to do and telling what it found as
// benchmarks/worker.py is: `node mastra.mjs '{"store": ..., "work": ...}'` from the folder its packages are in.
//
// Its storage for one machine is libsql; that sets WAL and leaves `synchronous` at NORMAL, so a power cut may take the
// last steps. It has no setting that says otherwise. The same clocks, counts and shapes as in worker.py.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const CHAIN = 10;
const WARM_UP = 5;
const order = JSON.parse(process.argv[2]);
const required = createRequire(path.join(process.cwd(), 'from-here.js'));
const load = async (name) => import(pathToFileURL(required.resolve(name)).href);
const { Mastra } = await load('@mastra/core/mastra');
const { createWorkflow, createStep } = await load('@mastra/core/workflows');
const { InMemoryStore } = await load('@mastra/core/storage');
const { LibSQLStore } = await load('@mastra/libsql');
const { z } = await load('zod');
const { createClient } = await load('@libsql/client');

const tell = (what, value) => console.log(JSON.stringify({ what, value }));
const seconds = () => performance.now() / 1000;
const at = (inOrder, part) => inOrder[Math.min(Math.floor(inOrder.length * part), inOrder.length - 1)];

// ---------------------------------------------------------------- what it runs

const count = z.object({ n: z.number() });
const more = (id) =>
  createStep({
    id,
    inputSchema: count,
    outputSchema: count,
    execute: async ({ inputData }) => ({ n: inputData.n + 1 }),
  });
const gate = createStep({
  id: 'gate',
  inputSchema: count,
  outputSchema: count,
  suspendSchema: z.object({ ask: z.string() }),
  resumeSchema: z.object({ yes: z.boolean() }),
  execute: async ({ inputData, resumeData, suspend }) => (resumeData ? inputData : suspend({ ask: 'go on?' })),
});

const define = {
  chain: (id, steps) => {
    let building = createWorkflow({ id, inputSchema: count, outputSchema: count });
    for (let index = 0; index < steps; index++) building = building.then(more(`step-${index}`));
    return building.commit();
  },
  loop: (id, turns) =>
    createWorkflow({ id, inputSchema: count, outputSchema: count })
      .dountil(more('step'), async ({ inputData }) => inputData.n >= turns)
      .commit(),
  foreach: (id) =>
    createWorkflow({ id, inputSchema: z.array(count), outputSchema: z.array(count) })
      .foreach(more('step'), { concurrency: 1 })
      .commit(),
  gate: (id) =>
    createWorkflow({ id, inputSchema: count, outputSchema: count })
      .then(more('before'))
      .then(gate)
      .then(more('after'))
      .commit(),
};

const file = order.store.startsWith('sqlite:///') ? order.store.slice('sqlite:///'.length) : undefined;

async function opened(workflows) {
  const storage = file
    ? new LibSQLStore({ id: 'bench', url: `file:${file}` })
    : order.store === 'memory'
      ? new InMemoryStore()
      : undefined;
  const mastra = new Mastra({ workflows, ...(storage ? { storage } : {}), logger: false });
  await storage?.init?.();
  return mastra;
}

async function run(workflow, inputData) {
  const result = await (await workflow.createRun()).start({ inputData });
  if (result.status !== 'success') throw new Error(JSON.stringify(result).slice(0, 500));
  return result.result;
}

async function storedBytes() {
  if (!file) return undefined;
  // By the SQLite that wrote it: two of them in one process would undo each other's locks.
  const database = createClient({ url: `file:${file}` });
  const of = async (name) => Number((await database.execute(`PRAGMA ${name}`)).rows[0][0]);
  const bytes = ((await of('page_count')) - (await of('freelist_count'))) * (await of('page_size'));
  database.close();
  return bytes;
}

// ---------------------------------------------------------------- the works

async function forAWhile(one, { atOnce, during, least }) {
  const began = seconds();
  let given = 0;
  let done = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (given < least || seconds() - began < during) {
        given++;
        await one();
        done++;
      }
    }),
  );
  return done / (seconds() - began);
}

async function chains() {
  const mastra = await opened({ chain: define.chain('chain', CHAIN) });
  const workflow = mastra.getWorkflow('chain');
  const one = async () => {
    if ((await run(workflow, { n: 0 })).n !== CHAIN) throw new Error('a step is missing');
  };
  // V8 compiles what is hot: it is given longer to warm up.
  await forAWhile(one, { atOnce: 1, during: order.seconds / 3, least: WARM_UP });
  tell('alone', CHAIN * (await forAWhile(one, { atOnce: 1, during: order.seconds, least: WARM_UP })));
  await forAWhile(one, { atOnce: WARM_UP, during: 0, least: WARM_UP });
  const rate = await forAWhile(one, { atOnce: order.at_once, during: order.seconds, least: order.at_once });
  tell('at once', CHAIN * rate);
}

async function growth() {
  const shapes = ['chain', 'loop', 'foreach'];
  const named = shapes.flatMap((shape) => order.sizes.map((size) => [`${shape}${size}`, shape, size]));
  const mastra = await opened(Object.fromEntries(named.map(([id, shape, size]) => [id, define[shape](id, size)])));
  for (const shape of shapes) {
    const given = (size) => (shape === 'foreach' ? Array.from({ length: size }, () => ({ n: 0 })) : { n: 0 });
    await run(mastra.getWorkflow(`${shape}${order.sizes[0]}`), given(order.sizes[0]));
    let took = 0;
    let before = 0;
    for (const size of order.sizes) {
      if (before && took * (size / before) > order.patience) {
        tell(`${shape} ${size} not run`, `a run of ${before} took ${took.toFixed(1)} s`);
        continue;
      }
      const stored = await storedBytes();
      const began = seconds();
      let runs = 0;
      while (runs === 0 || seconds() - began < order.seconds) {
        await run(mastra.getWorkflow(`${shape}${size}`), given(size));
        runs++;
      }
      took = (seconds() - began) / runs;
      before = size;
      tell(`${shape} ${size}`, (1e6 * took) / size);
      if (stored !== undefined) tell(`${shape} ${size} bytes`, ((await storedBytes()) - stored) / (runs * size));
    }
  }
}

async function untilParked(workflow, first, last, { atOnce, during }) {
  const deadline = seconds() + during;
  let next = first;
  let done = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < last) {
        const number = next++;
        const result = await (await workflow.createRun({ runId: `run-${number}` })).start({ inputData: { n: 0 } });
        if (result.status !== 'suspended') throw new Error(JSON.stringify(result).slice(0, 500));
        done++;
        if (seconds() > deadline) return;
      }
    }),
  );
  return done;
}

async function park() {
  const workflow = (await opened({ gate: define.gate('gate') })).getWorkflow('gate');
  await untilParked(workflow, 0, WARM_UP, { atOnce: 1, during: order.patience });
  let began = seconds();
  const most = Math.max(Math.floor(order.standing / 2), 2 * WARM_UP);
  const parked = await untilParked(workflow, WARM_UP, most, { atOnce: 1, during: order.seconds });
  tell('parked a second', parked / (seconds() - began));
  const stored = await storedBytes();
  const alone = WARM_UP + parked;
  began = seconds();
  const rest = await untilParked(workflow, alone, order.standing, { atOnce: order.at_once, during: order.patience });
  const took = seconds() - began;
  tell('standing', alone + rest);
  if (rest) {
    tell('parked a second, many at once', rest / took);
    if (stored !== undefined) tell('bytes a parked run', ((await storedBytes()) - stored) / rest);
  }
  await answerSome(workflow, alone + rest);
}

async function answer() {
  const workflow = define.gate('gate');
  const began = seconds();
  const opening = await opened({ gate: workflow });
  tell('start-up', 1000 * (seconds() - began));
  await answerSome(opening.getWorkflow('gate'), order.standing);
}

async function answerSome(workflow, standing) {
  const apart = Math.max(Math.floor(standing / (order.parts * order.answers)), 1);
  const taken = [];
  const deadline = seconds() + order.patience;
  const next = order.parts * apart;
  for (let number = order.part * apart; number < standing && taken.length < order.answers; number += next) {
    const began = seconds();
    const result = await (await workflow.createRun({ runId: `run-${number}` })).resume({
      step: 'gate',
      resumeData: { yes: true },
    });
    if (result.status !== 'success') throw new Error(JSON.stringify(result).slice(0, 500));
    taken.push(1000 * (seconds() - began));
    if (seconds() > deadline) break;
  }
  tell('answered', taken.length);
  tell('first answer', taken[0]);
  taken.sort((one, other) => one - other);
  tell('p50', at(taken, 0.5));
  tell('p99', at(taken, 0.99));
}

const installed = JSON.parse(readFileSync(path.join(process.cwd(), 'node_modules/@mastra/core/package.json')));
tell('version', installed.version);
await { chains, growth, park, answer }[order.work]();
process.exit(0);
