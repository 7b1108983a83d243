/** How a command names a node that it talks to by itself, without a running controller. */

import { ScaledClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import { type Config, loadConfig } from '../config.js';
import type { Node, ScuOptions } from '../dicom/services/session.js';
import { RecentLog } from '../log.js';
import { namedNode, type RemoteNode } from '../nodes.js';

/** `AET@HOST:PORT`, or undefined when the text is something else. @throws ScannerError operator.usage when it is nearly that */
export function nodeAddress(text: string): Node | undefined {
  const found = /^([^@]{1,16})@(\[[^\]]+\]|[^:@]+):(\d{1,5})$/.exec(text);
  if (found) {
    const [, aeTitle, host, port] = found as unknown as [string, string, string, string];
    if (Number(port) <= 65535 && Number(port) > 0)
      return { aeTitle, host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  }
  if (!text.includes('@')) return undefined;
  throw new ScannerError('operator.usage', { message: `${text}: expected AET@HOST:PORT, e.g. PACS@127.0.0.1:11114` });
}

export interface Remote {
  config: Config;
  node: Node;
  /** Its settings, when it is a configured one. */
  configured?: RemoteNode;
  /** What an SCU needs to call it. */
  scu: ScuOptions;
}

/** A node by its address, or by its name in a configuration file. @throws ScannerError operator.*, config.invalid */
export function remoteNode(name: string, configFile: string | undefined): Remote {
  const config = loadConfig(configFile);
  const address = nodeAddress(name);
  const configured = address ? undefined : namedNode(config, name);
  const node = address ?? configured!;
  const scu: ScuOptions = {
    node,
    callingAe: config.aeTitle,
    clock: new ScaledClock(),
    log: new RecentLog('silent'),
    maxPduLength: config.dicom.maxPduLength,
    implementation: config.dicom.implementation,
  };
  return { config, node, configured, scu };
}
