/** A simulated hospital of a test's own, rules by the line, and the real programs that meet them. */

import { join } from 'node:path';
import type { ScannerError } from '../../hal/base/errors.js';
import type { Node } from '../../runtime/dicom/services/session.js';
import { type Hospital, type HospitalOptions, startHospital } from '../../sim/hospital/hospital.js';
import { checked, RULE, type RuleInput } from '../../sim/hospital/script.js';
import { demoEntries } from '../../sim/hospital/worklist.js';
import { clock, log } from './dicom.js';
import { runTool } from './peers.js';

export function startTestHospital(folder: string, more: Partial<HospitalOptions> = {}): Promise<Hospital> {
  const worklist = demoEntries('20261123', 'PETRIG');
  return startHospital({ worklist, dataDir: join(folder, 'hospital'), risPort: 0, pacsPort: 0, clock, log, ...more });
}

/** Does `work` while rules are in force; they are gone afterwards. */
export async function withRules<T>(hospital: Hospital, rules: RuleInput[], work: () => Promise<T>): Promise<T> {
  for (const rule of rules) hospital.rules.add(checked(RULE, rule, 'test'));
  try {
    return await work();
  } finally {
    hospital.rules.clear();
  }
}

export interface ToolRun {
  code: number | null;
  output: string;
  ms: number;
}

/** A DCMTK program against a node, impatient: 1 s for an answer. */
export async function dcmtk(
  tool: string,
  node: Node,
  args: readonly string[] = [],
  files: string[] = [],
): Promise<ToolRun> {
  const common = ['-v', '-ta', '1', '-td', '1', '-aec', node.aeTitle];
  const started = performance.now();
  const run = await runTool(tool, [...common, ...args, node.host, String(node.port), ...files]);
  return { ...run, ms: performance.now() - started };
}

/** The status that a peer answered, else the error's code, else none. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const { code, context } = error as ScannerError;
    return context.status ? String(context.status) : code;
  }
  return 'none';
}
