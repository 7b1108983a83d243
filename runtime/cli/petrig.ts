#!/usr/bin/env node
/** The command line: a table of commands, each in a file of its own. */

import { Command, CommanderError } from 'commander';
import { version } from '../version.js';
import { burnCommand } from './burn.js';
import { configCommand } from './config.js';
import { conformanceCommand } from './conformance.js';
import { demoCommand } from './demo.js';
import { deviceCommands } from './devices.js';
import { doctorCommand } from './doctor.js';
import { echoCommand } from './echo.js';
import { examCommand } from './exam.js';
import { findCommand } from './find.js';
import { importCommand } from './import.js';
import { mediaCommand } from './media.js';
import { mppsCommand } from './mpps.js';
import { nodesCommand } from './nodes.js';
import { EXIT, fail } from './output.js';
import { protocolsCommand } from './protocols.js';
import { qcCommand } from './qc.js';
import { reconCommand } from './recon.js';
import { sendCommand } from './send.js';
import { serveCommand } from './serve.js';
import { simCommand } from './sim.js';
import { studiesCommand } from './studies.js';
import { worklistCommand } from './worklist.js';

const COMMANDS = [
  demoCommand(),
  serveCommand(),
  simCommand(),
  examCommand(),
  worklistCommand(),
  findCommand(),
  echoCommand(),
  nodesCommand(),
  importCommand(),
  sendCommand(),
  studiesCommand(),
  reconCommand(),
  qcCommand(),
  burnCommand(),
  mediaCommand(),
  mppsCommand(),
  ...deviceCommands(),
  protocolsCommand(),
  configCommand(),
  conformanceCommand(),
  doctorCommand(),
];

const program = new Command('petrig')
  .description('Acquisition controller of a PET/CT scanner, and the scanner itself in simulation.')
  .version(version)
  .showHelpAfterError('(petrig --help shows examples)')
  .exitOverride()
  .addHelpText(
    'after',
    `
Examples:
  petrig demo                                  one complete examination of a digital patient
  petrig sim hospital --data hospital          a RIS on port 11113 and a PACS on 11114
  petrig serve --config site.json              the controller, its DICOM server and service socket
  petrig exam run --protocol wholebody-fdg --accession A1
  petrig sim hardware --pty /tmp/rig           the simulated devices behind serial ports
  petrig send PACS --study 2.25.1              a study of the archive, or files, to a node
  petrig doctor                                what is installed, built and reachable

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by an interlock or a limit, 4 a peer refused.`,
  );

for (const command of COMMANDS) {
  for (const each of [command, ...command.commands]) each.exitOverride().showHelpAfterError();
  program.addCommand(command);
}

try {
  await program.parseAsync();
} catch (thrown) {
  if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? EXIT.done : EXIT.usage;
  else fail(thrown, process.argv.includes('--json'));
}
