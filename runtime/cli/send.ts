import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { ScannerError } from '../../hal/base/errors.js';
import { CodecPool } from '../dicom/codecs/pool.js';
import type { StoreResult } from '../dicom/services/store-scu.js';
import { storeAll } from '../network/store-all.js';
import { syntaxHooks } from '../network/syntaxes.js';
import type { SendDetail, SendJob } from '../service/send-methods.js';
import { type ConnectionOptions, withClient, withConnection } from './connection.js';
import { EXIT, fail, printJson, say } from './output.js';
import { remoteNode } from './remote.js';

interface SendOptions extends ConnectionOptions {
  config?: string;
  study?: string;
  series?: string;
  instance?: string[];
  accession?: string;
  json?: boolean;
}

async function send(node: string, paths: string[], options: SendOptions): Promise<void> {
  const { study, series, instance, accession, json = false } = options;
  const selection = {
    studyInstanceUid: study,
    seriesInstanceUid: series,
    sopInstanceUids: instance,
    accession,
  };
  const selects = Object.values(selection).some((value) => value !== undefined);
  if (selects === paths.length > 0) {
    const message = 'give files or folders, or say what of the archive: --study, --series, --instance, --accession';
    return fail(new ScannerError('operator.usage', { message }), json);
  }
  if (selects) return fromArchive(node, selection, options);
  try {
    await fromFiles(node, paths, options);
  } catch (thrown) {
    fail(thrown, json);
  }
}

/** A job of the server's; it goes on when this command is stopped. */
function fromArchive(node: string, selection: object, options: SendOptions): Promise<void> {
  return withClient(options, fail, async (client) => {
    let sendId = '';
    await client.onEvent((event) => {
      if (event.type !== 'send' || event.sendId !== sendId) return;
      say(`${event.node}: ${event.state}, ${event.sent} of ${event.total} sent, ${event.failed} failed`);
    });
    ({ sendId } = await client.call<SendJob>('send.start', { node, ...selection }));
    process.once('SIGINT', () => {
      say(`the job ${sendId} goes on`);
      client.close();
    });
    await client.call('send.wait', { sendId });
    const job = await client.call<SendDetail>('send.get', { sendId });
    if (options.json) printJson(job);
    else describe(job);
    if (job.state !== 'done') process.exitCode = job.failed > 0 ? EXIT.peer : EXIT.failed;
  });
}

function describe(job: SendDetail): void {
  const committed = job.committed === undefined ? '' : `, ${job.committed} committed`;
  say(`${job.node}: ${job.state}; ${job.sent} of ${job.total} sent, ${job.failed} failed${committed}`);
  if (job.error) say(job.error);
  for (const { sopInstanceUid, state, status, reason } of job.instances) {
    if (state === 'failed') say(`failed: ${sopInstanceUid} ${status ?? ''} ${reason ?? ''}`.trimEnd());
  }
}

/** On associations of this process: needs no server. */
async function fromFiles(name: string, paths: readonly string[], options: SendOptions): Promise<void> {
  const { scu, config } = remoteNode(name, options.config);
  const files = await filesIn(paths);
  if (files.length === 0) throw new ScannerError('operator.usage', { message: `no file in ${paths.join(', ')}` });
  const codecs = new CodecPool({ clock: scu.clock, log: scu.log });
  const folder = await mkdtemp(join(tmpdir(), 'petrig-send-'));
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  try {
    const { qualityFactor, uidRoot } = config;
    const hooks = syntaxHooks({ asked: { qualityFactor }, codecs, folder, lists: config.dicom.syntaxLists, uidRoot });
    let done = 0;
    const onResult = (result: StoreResult) => {
      if (result.outcome === 'unsent') return;
      done += 1;
      if (result.error) say(`${result.path}: ${result.outcome}: ${result.error.message}`);
      else if (done % 100 === 0) say(`${done} of ${files.length}`);
    };
    report(name, await storeAll({ ...scu, ...hooks, onResult, signal: stop.signal }, files), options.json ?? false);
  } finally {
    await codecs.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function report(node: string, results: readonly StoreResult[], json: boolean): void {
  const isSent = ({ outcome }: StoreResult) => outcome === 'stored' || outcome === 'warning';
  const [sent, others] = [results.filter(isSent), results.filter((result) => !isSent(result))];
  if (json) {
    const files = results.map(({ error, ...result }) => ({ ...result, ...(error && { reason: error.message }) }));
    printJson({ node, total: results.length, sent: sent.length, failed: others.length, files });
  }
  for (const { path, outcome, error } of others) if (outcome === 'unsent') say(`${path}: not sent: ${error?.message}`);
  say(`${node}: ${sent.length} of ${results.length} files sent`);
  if (others.length === 0) return;
  process.exitCode = others.every(({ outcome }) => outcome === 'unreadable') ? EXIT.failed : EXIT.peer;
}

/** Files, and those below folders, in the order of their names. @throws ScannerError operator.usage */
async function filesIn(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const found = await stat(path).catch((cause: Error) => {
      throw new ScannerError('operator.usage', { message: `cannot read ${path}: ${cause.message}` }, cause);
    });
    if (!found.isDirectory()) files.push(path);
    else {
      const entries = await readdir(path, { recursive: true, withFileTypes: true });
      const below = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      files.push(...below.sort());
    }
  }
  return files;
}

export function sendCommand(): Command {
  return withConnection(new Command('send'))
    .description('send objects of the archive (needs a running server), or files, to a node (C-STORE)')
    .argument('<node>', 'name of a configured node; for files also AET@HOST:PORT')
    .argument('[paths...]', 'Part 10 files, or folders of them')
    .option('--study <uid>', 'Study Instance UID')
    .option('--series <uid>', 'Series Instance UID')
    .option('--instance <uid...>', 'SOP Instance UIDs')
    .option('--accession <number>', 'studies of an accession number')
    .option('--config <file>', 'for files: the configuration that names the node')
    .option('--json', 'one JSON document on stdout')
    .addHelpText(
      'after',
      '\nExamples:\n  petrig send PACS --accession A1\n  petrig send PACS@127.0.0.1:11114 scans/ one.dcm',
    )
    .action(send);
}
