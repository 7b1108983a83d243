import { once } from 'node:events';
import { connect } from 'node:net';
import { Subject } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { ScannerError } from '../../hal/base/errors.js';
import { silentLog } from '../../hal/base/log.js';
import { ServiceClient } from '../../runtime/service/client.js';
import { serviceMethods } from '../../runtime/service/methods.js';
import type { Operations, ServiceEvent } from '../../runtime/service/operations.js';
import { ServiceServer } from '../../runtime/service/server.js';

const test = suite('service socket');
const token = 'a-token-of-the-test';
const events$ = new Subject<ServiceEvent>();

/** Only what these tests call; anything else is a failure of theirs. */
const operations = {
  version: '1.2.3',
  status: () => ({ aeTitle: 'PETRIG' }),
  startExam: async (request: { protocol: string }) => {
    if (request.protocol === 'hot') throw new ScannerError('limit.heat', { value: 6, max: 5 });
    return { examId: `of ${request.protocol}` };
  },
  events$,
} as unknown as Operations;

let server: ServiceServer;
let url: string;
let tcp: number;

test.before(async () => {
  server = await ServiceServer.start({
    host: '127.0.0.1',
    port: 0,
    tcpPort: 0,
    token,
    methods: serviceMethods(operations),
    log: silentLog,
  });
  url = `ws://127.0.0.1:${server.ports.http}/rpc`;
  tcp = server.ports.tcp!;
});
test.after(() => server.close());

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing thrown';
  } catch (error) {
    return (error as ScannerError).code;
  }
}

test('a client with the token calls methods and gets typed errors', async () => {
  const client = await ServiceClient.connect(url, token);
  assert.equal(await client.call('status.get'), { aeTitle: 'PETRIG' });
  assert.equal(await client.call('exam.start', { protocol: 'p', accession: 'A1' }), { examId: 'of p' });
  assert.is(await codeOf(client.call('exam.start', { protocol: 'hot', accession: 'A1' })), 'limit.heat');
  assert.is(await codeOf(client.call('exam.start', { protocol: 'p' })), 'peer.status');
  assert.is(await codeOf(client.call('no.such')), 'peer.status');
  client.close();
});

test('without the token nothing but a login is answered', async () => {
  const client = await ServiceClient.connect(url, 'wrong');
  assert.is(await codeOf(client.call('status.get')), 'peer.status');
  assert.is(await codeOf(client.call('auth.login', { token: 'wrong too' })), 'peer.status');
  assert.is(await client.call('auth.login', { token }), true);
  assert.equal(await client.call('status.get'), { aeTitle: 'PETRIG' });
  client.close();
});

test('events reach subscribers until they leave', async () => {
  const client = await ServiceClient.connect(url, token);
  const seen: ServiceEvent[] = [];
  await client.onEvent((event) => seen.push(event));
  const event: ServiceEvent = { type: 'progress', examId: 'e', stage: 's', label: 'l', fraction: 0.5 };
  events$.next(event);
  await client.call('status.get');
  assert.equal(seen, [event]);
  client.close();
  for (let i = 0; i < 100 && events$.observed; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.not.ok(events$.observed);
});

test('rpc.discover describes every method with its parameters', async () => {
  const client = await ServiceClient.connect(url, token);
  const document = await client.call<{ methods: { name: string; params: { name: string; required: boolean }[] }[] }>(
    'rpc.discover',
  );
  const start = document.methods.find((m) => m.name === 'exam.start');
  assert.ok(start?.params.some((p) => p.name === 'protocol' && p.required));
  assert.ok(document.methods.length > 10);
  client.close();
});

test('the TCP socket speaks the same, a line a message, even split into bytes', async () => {
  const socket = connect(tcp, '127.0.0.1');
  const text = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'auth.login', params: { token } })}\n${JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'status.get' })}\n`;
  for (const byte of text) socket.write(byte);
  let answer = '';
  while (answer.split('\n').length < 3) answer += (await once(socket, 'data'))[0];
  const [login, status] = answer
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.is(login.result, true);
  assert.is(status.result.aeTitle, 'PETRIG');
  socket.destroy();
});

test('garbage and floods end in errors or a closed socket, and others are still served', async () => {
  const raw = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
  raw.on('error', () => {});
  await once(raw, 'open');
  raw.send('{"half":');
  assert.is(JSON.parse(String((await once(raw, 'message'))[0])).error.code, -32700);
  raw.send('[1,2]');
  assert.is(JSON.parse(String((await once(raw, 'message'))[0])).error.code, -32600);
  raw.send('x'.repeat(2 * 1024 * 1024));
  await new Promise((resolve) => raw.on('close', resolve));
  const flood = connect(tcp, '127.0.0.1');
  flood.on('error', () => {});
  flood.write('y'.repeat(3 * 1024 * 1024));
  await new Promise((resolve) => flood.on('close', resolve));
  const client = await ServiceClient.connect(url, token);
  assert.equal(await client.call('status.get'), { aeTitle: 'PETRIG' });
  client.close();
});

test('a port that is taken is a clear error', async () => {
  const port = server.ports.http;
  const second = ServiceServer.start({ host: '127.0.0.1', port, token, methods: {}, log: silentLog });
  assert.is(await codeOf(second), 'config.port');
});

test.run();
