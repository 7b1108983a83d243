import { Command } from 'commander';
import { loadConfig } from '../config.js';
import { startController } from '../main.js';
import { numberOption } from './exam.js';
import { fail, printJson, say } from './output.js';

interface ServeOptions {
  config?: string;
  data?: string;
  hardware?: string;
  speed?: number;
  phantom?: string;
  seed?: number;
  dicomPort?: number;
  servicePort?: number;
  tcpPort?: number;
  json?: boolean;
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1));
        resolve();
      });
    }
  });
}

async function serve(options: ServeOptions): Promise<void> {
  try {
    const { data, hardware, speed, phantom, seed } = options;
    const config = loadConfig(options.config, {
      data,
      hardware,
      speed,
      phantom,
      seed,
      ...(options.dicomPort !== undefined && { dicom: { port: options.dicomPort } }),
      ...((options.servicePort !== undefined || options.tcpPort !== undefined) && {
        service: { port: options.servicePort, tcpPort: options.tcpPort },
      }),
    });
    const stopped = untilStopped();
    const controller = await startController(config, options.config);
    const { service, tcp, dicom } = controller.ports;
    if (options.json) printJson({ ready: true, ports: controller.ports, data: config.data });
    say(
      `petrig serves ${config.aeTitle}: DICOM ${config.dicom.host}:${dicom}, service ws://${config.service.host}:${service}/rpc${tcp ? `, TCP ${tcp}` : ''}`,
    );
    say(`hardware ${config.hardware}, data ${config.data}; stop with Ctrl-C`);
    await stopped;
    say('stopping');
    await controller.close();
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  }
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('run the controller: hardware, examinations, archive, DICOM server, service socket')
    .option('--config <file>', 'configuration as JSON')
    .option('--data <folder>', 'where everything is kept (default ./petrig-data)')
    .option('--hardware <where>', 'sim, serial:DIR or tcp:HOST:PORT (default sim)')
    .option('--speed <n>', 'scanner seconds a second (default 1)', numberOption)
    .option('--phantom <name>', 'simulated patient (default nema-body)')
    .option('--seed <n>', 'seed of the simulation (default 1)', numberOption)
    .option('--dicom-port <port>', 'DICOM port (default 11112)', numberOption)
    .option('--service-port <port>', 'service socket (default 8484)', numberOption)
    .option('--tcp-port <port>', 'newline-delimited service socket (default none)', numberOption)
    .option('--json', 'one line on stdout when ready')
    .addHelpText(
      'after',
      '\nExample:\n  petrig serve --config site.json --hardware serial:/tmp/rig --data /var/lib/petrig',
    )
    .action(serve);
}
