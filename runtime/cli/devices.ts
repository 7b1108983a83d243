import { Command } from 'commander';
import { type ConnectionOptions, withClient, withConnection } from './connection.js';
import { fail, printJson, say, table } from './output.js';

interface DeviceReport {
  lifecycle: string;
  identity: { model: string; serial: string; firmware: string } | null;
  state: Record<string, unknown>;
}

function devices(options: ConnectionOptions & { json?: boolean }): Promise<void> {
  return withClient(options, fail, async (client) => {
    const all = await client.call<Record<string, DeviceReport>>('devices.get');
    if (options.json) return printJson(all);
    const shown = (value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value);
    const rows = Object.entries(all).map(([name, { lifecycle, identity, state }]) => {
      const fields = Object.entries(state).map(([key, value]) => `${key}=${shown(value)}`);
      return [name, lifecycle, identity?.model ?? '', fields.join(' ')];
    });
    say(table(['device', 'lifecycle', 'model', 'state'], rows));
  });
}

function simulate(action: string, options: ConnectionOptions & { args?: string }): Promise<void> {
  return withClient({ ...options, json: true }, fail, async (client) => {
    const args = options.args ? (JSON.parse(options.args) as object) : {};
    printJson(await client.call('sim.do', { ...args, do: action }));
  });
}

function interlockCommand(): Command {
  const interlock = new Command('interlock').description('the safety chain');
  withConnection(interlock.command('reset'))
    .description('clear the latch of an emergency stop once it is released and the door is closed')
    .action((options: ConnectionOptions) =>
      withClient(options, fail, async (client) => void (await client.call('interlock.reset'))),
    );
  return interlock;
}

/** Commands that look at, and in simulation act on, the devices of a running server. */
export function deviceCommands(): Command[] {
  return [
    withConnection(new Command('devices'))
      .description('state of every device')
      .option('--json', 'one JSON document on stdout')
      .action(devices),
    interlockCommand(),
    withConnection(new Command('simulate'))
      .description('act on the simulated scanner of a server')
      .argument(
        '<action>',
        'pressEmergencyStop, releaseEmergencyStop, openDoor, closeDoor, arc, reboot, muteLink, stats, ...',
      )
      .option('--args <json>', 'arguments, e.g. {"device":"generator"}')
      .action(simulate),
  ];
}
