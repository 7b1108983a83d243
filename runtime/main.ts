/** The only place that builds drivers, loads the simulation and joins the stages. */

import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ScaledClock } from '../hal/base/clock.js';
import type { Log } from '../hal/base/log.js';
import { createDrivers } from '../hal/driver/chain.js';
import { type LinkOpener, linksAt, parseEndpoint } from '../hal/link/endpoints.js';
import { RecordStore } from '../machines/persist.js';
import { parseAction } from '../sim/actions.js';
import { startHardware } from '../sim/hardware.js';
import { type RunningHospital, type RunOptions, runHospital } from '../sim/hospital/running.js';
import { flattenPhantom } from '../sim/physics/flatten.js';
import { loadPhantom } from '../sim/physics/phantom.js';
import { startSimWorker } from '../sim/worker.js';
import type { Archive } from './archive/archive.js';
import { openArchive } from './archive/open.js';
import { commitmentService, userSyntaxes } from './committing.js';
import type { Config } from './config.js';
import { ConfigFile } from './config-file.js';
import { titleWarnings } from './config-titles.js';
import { Configuration } from './control/configuring.js';
import { Controller, type Simulate } from './control/controller.js';
import { openFilmQueues } from './control/filming.js';
import { MppsDesk } from './control/mppsdesk.js';
import { Replays } from './control/replays.js';
import { Retrieval } from './control/retrieval.js';
import { SendingDesk } from './control/sending.js';
import { WorklistDesk } from './control/worklistdesk.js';
import { CodecPool } from './dicom/codecs/pool.js';
import { PREPARED_FOLDER, PreparedFiles } from './dicom/dataset/prepared-files.js';
import { DicomServer, type Service, verificationService } from './dicom/services/server.js';
import { checkTlsFiles, serverOptions } from './listening.js';
import { RecentLog } from './log.js';
import { CommitmentDesk } from './network/commitment-desk.js';
import { queryRetrieveServices } from './network/query/serving.js';
import { receivingService } from './network/receiving/receiving.js';
import { supports, syntaxHooks } from './network/syntaxes.js';
import { callingNode, committingNodes, nodeFor, nodesFor } from './nodes.js';
import type { KnownPatient } from './recon/truth.js';
import { SERVICE_FILE } from './service/client.js';
import { configMethods } from './service/config-methods.js';
import { filmMethods } from './service/film-methods.js';
import { serviceMethods } from './service/methods.js';
import { reconMethods } from './service/recon-methods.js';
import { retrieveMethods } from './service/retrieve-methods.js';
import type { MethodTable } from './service/rpc.js';
import { sendMethods } from './service/send-methods.js';
import { ServiceServer } from './service/server.js';
import { SqliteWorklistStore } from './worklist/store.js';

export interface RunningController {
  controller: Controller;
  ports: { dicom: number; service: number; tcp?: number };
  close(): Promise<void>;
}

/** Closers in the order in which they are to run: the last thing built is closed first. */
class Teardown {
  readonly #closers: (() => Promise<void> | void)[] = [];

  add(close: () => Promise<void> | void): void {
    this.#closers.unshift(close);
  }

  async run(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close();
  }
}

/** Starts everything that `petrig serve` is. @throws ScannerError config.*, link.*, data.disk, native.load */
export async function startController(config: Config, configFile?: string): Promise<RunningController> {
  const log = new RecentLog(config.logLevel);
  const clock = new ScaledClock({ speed: config.speed });
  const teardown = new Teardown();
  try {
    for (const warning of titleWarnings(config)) log.warn({}, warning);
    await mkdir(config.data, { recursive: true });
    const { url, folder: objects } = config.archive;
    const archive = await openArchive({
      root: config.data,
      objects,
      url,
      clock: clock.wall,
      log,
      file: { sourceAeTitle: config.aeTitle, implementation: config.dicom.implementation },
    });
    teardown.add(() => archive.close());
    const scheduled = new SqliteWorklistStore({ file: join(config.data, 'archive.sqlite'), clock: clock.wall });
    teardown.add(() => scheduled.close());
    const worklist = new WorklistDesk({ config, store: scheduled, archive, clock, log });
    teardown.add(() => worklist.close());
    const { links, simulate } = await openHardware(config, clock, log, teardown);
    const chain = createDrivers({
      openControl: (device) => links.openControl(device),
      openBulk: (device) => links.openBulk(device),
      clock,
      log,
    });
    teardown.add(() => chain.close());
    const nodes = committingNodes(config);
    const commitment = new CommitmentDesk({ archive, nodes, callingAe: config.aeTitle, clock, log });
    teardown.add(() => commitment.close());
    const { stationName } = config;
    const mpps = new MppsDesk({
      node: nodeFor(config, 'mpps'),
      station: { aeTitle: config.aeTitles.worklist ?? config.aeTitle, stationName },
      settings: config.mpps,
      archive,
      clock,
      log,
    });
    teardown.add(() => mpps.close());
    await checkTlsFiles(config);
    const codecs = new CodecPool({ clock, log });
    teardown.add(() => codecs.close());
    const dicomPort = await listen(config, { archive, commitment, codecs, clock, log }, teardown);
    const controller = await Controller.start({
      config,
      chain,
      simulate,
      archive,
      worklist,
      records: new RecordStore(join(config.data, 'machines')),
      commitment,
      syntaxes: userSyntaxes(config, codecs),
      mpps,
      dicomPort: () => dicomPort,
      recentLogs: (last) => log.last(last),
      clock,
      log,
    });
    teardown.add(() => controller.close());
    worklist.start();
    const retrieval = new Retrieval({ config, archive, clock, log });
    const file = configFile === undefined ? undefined : new ConfigFile(configFile);
    const configuration = new Configuration({ config, file, clock, log });
    const films = await openFilmQueues({ config, archive, controller, clock, log });
    teardown.add(() => films.close());
    const sending = new SendingDesk({ config, archive, sends: controller.sends });
    const methods = serviceMethods(controller, {
      ...retrieveMethods(retrieval),
      ...sendMethods(sending),
      ...configMethods(configuration),
      ...filmMethods(films),
      ...reconMethods(new Replays({ records: () => controller.records, archive, config, clock, simulatedPatient })),
    });
    const ports = await serve(config, methods, log, teardown);
    return { controller, ports: { ...ports, dicom: dicomPort }, close: () => teardown.run() };
  } catch (thrown) {
    await teardown.run();
    throw thrown;
  }
}

async function openHardware(
  config: Config,
  clock: ScaledClock,
  log: Log,
  teardown: Teardown,
): Promise<{ links: LinkOpener; simulate?: Simulate }> {
  if (config.hardware !== 'sim') return { links: linksAt(parseEndpoint(config.hardware), clock) };
  const phantom = { phantom: config.phantom, activityScale: config.activityScale };
  const worker = await startSimWorker({ clock, log, seed: config.seed, phantom });
  teardown.add(() => worker.close());
  return { links: worker, simulate: (action) => worker.act(parseAction(action)) };
}

interface Stores {
  archive: Archive;
  commitment: CommitmentDesk;
  codecs: CodecPool;
  clock: ScaledClock;
  log: Log;
}

/** Verification, storage into the archive, query and retrieve of it, and commitment results, on our DICOM port. */
async function listen(
  config: Config,
  { archive, commitment, codecs, clock, log }: Stores,
  teardown: Teardown,
): Promise<number> {
  const incoming = join(config.data, 'incoming');
  await rm(incoming, { recursive: true, force: true }); // halves of transfers that a crash cut off
  await mkdir(incoming, { recursive: true });
  const prepared = new PreparedFiles({
    folder: join(config.data, PREPARED_FOLDER),
    maxBytes: config.dicom.preparedBytes,
    ...{ clock, log },
  });
  teardown.add(() => prepared.close());
  const committing = await commitmentService(config, { archive, commitment, clock, log });
  teardown.add(() => committing.close());
  const server = new DicomServer({
    ...serverOptions(config, clock, log),
    services: [
      verificationService(),
      committing.service,
      ...queryRetrieve(config, { archive, clock, log }, codecs, incoming),
      {
        // who gets objects by C-GET is their SCP
        peerMayBeScp: true,
        sendsCompressed: (syntax, caller) => supports(callingNode(config, caller)?.compressionTypes ?? 0, syntax),
        ...receivingService({
          archive,
          folder: incoming,
          prepared,
          codecs,
          importFrom: (sender) => callingNode(config, sender)?.import ?? 'statement',
          reserveBytes: config.dicom.reserveBytes,
          implementation: config.dicom.implementation,
          uidRoot: config.uidRoot,
          clock,
          log,
        }),
      },
    ],
  });
  const port = await server.listen();
  teardown.add(() => server.close());
  return port;
}

/** Query and retrieve over the archive; objects go in the syntaxes that the configuration allows their receiver. */
function queryRetrieve(
  config: Config,
  { archive, clock, log }: Pick<Stores, 'archive' | 'clock' | 'log'>,
  codecs: CodecPool,
  folder: string,
): Service[] {
  const { aeTitle, dicom, uidRoot } = config;
  return queryRetrieveServices({
    archive,
    aeTitle,
    models: dicom.queryModels,
    destinations: nodesFor(config, 'storage'),
    syntaxesFor: (receiver) => {
      const asked = { compressionTypes: callingNode(config, receiver)?.compressionTypes ?? 0 };
      return syntaxHooks({ asked, codecs, folder, lists: dicom.syntaxLists, uidRoot });
    },
    maxPduLength: dicom.maxPduLength,
    clock,
    log,
  });
}

async function serve(config: Config, methods: MethodTable, log: Log, teardown: Teardown) {
  const { host, port, tcpPort } = config.service;
  const file = join(config.data, SERVICE_FILE);
  const token = config.service.token ?? (await keptToken(file)) ?? randomBytes(24).toString('base64url');
  const server = await ServiceServer.start({ host, port, tcpPort, token, methods, log });
  teardown.add(() => server.close());
  const { http, tcp } = server.ports;
  const url = `ws://${host.includes(':') ? `[${host}]` : host}:${http}/rpc`;
  await writeFile(file, JSON.stringify({ url, token, pid: process.pid }), { mode: 0o600 });
  return { service: http, tcp };
}

/** The token of an earlier start in the same folder: clients keep working. */
async function keptToken(file: string): Promise<string | undefined> {
  try {
    const { token } = JSON.parse(await readFile(file, 'utf8')) as { token?: unknown };
    return typeof token === 'string' && token.length >= 16 ? token : undefined;
  } catch {
    return undefined;
  }
}

/** The simulated devices behind serial ports or TCP, for an outside controller. */
export async function startSimHardware(options: {
  pty?: string;
  tcp?: number;
  host: string;
  phantom: string;
  speed: number;
  seed: number;
}): Promise<{ close(): Promise<void> }> {
  const { pty, tcp = 0, host, phantom, speed, seed } = options;
  const clock = new ScaledClock({ speed });
  const address = pty === undefined ? { tcp, host } : { pty };
  return startHardware(address, { clock, log: new RecentLog('warn'), seed, phantom });
}

/** What a phantom of the simulation is made of. @throws ScannerError operator.unknown, config.invalid */
export function simulatedPatient(name: string, activityScale: number): KnownPatient {
  const { shapes, ...phantom } = loadPhantom(name);
  return {
    labels: shapes.map(({ label }) => label),
    phantom: flattenPhantom({ ...phantom, shapes }, { activityScale }),
  };
}

export type HospitalStatistics = ReturnType<RunningHospital['statistics']>;

/** The simulated RIS and PACS. @throws ScannerError config.port, config.invalid, data.invalid */
export function startSimHospital(options: Omit<RunOptions, 'clock' | 'log'>): Promise<RunningHospital> {
  return runHospital({ ...options, clock: new ScaledClock(), log: new RecentLog('warn') });
}
