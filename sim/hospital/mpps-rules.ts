import { readTable } from '../../hal/base/table.js';
import { type Dataset, element, has, items } from '../../runtime/dicom/dataset/dataset.js';
import type { Reply } from '../../runtime/dicom/dimse/performer.js';
import { STATUS } from '../../runtime/dicom/dimse/status.js';

export const STEP_STATUSES = ['IN PROGRESS', 'COMPLETED', 'DISCONTINUED'] as const;
export type StepStatus = (typeof STEP_STATUSES)[number];

interface AttributeRule {
  keyword: string;
  /** Sequence whose items hold it; the dataset itself when absent. */
  path?: string;
  /** 1 needs a value, 2 only the element. */
  type: 1 | 2;
  /** The one final status that needs it. */
  only?: StepStatus;
}

const RULES: { create: AttributeRule[]; final: AttributeRule[]; createOnly: string[] } = readTable(
  import.meta.url,
  './mpps-attributes.json',
);

/** What is wrong with the attributes of an N-CREATE, or undefined: PS3.4 table F.7.2-1. */
export function checkCreation(attributes: Dataset): Reply | undefined {
  return firstFault(RULES.create, attributes, attributes);
}

/** What is wrong with an N-SET, or undefined: attributes that are set at creation only, or lack when the step is over. */
export function checkUpdate(changes: Dataset, merged: Dataset, status: StepStatus): Reply | undefined {
  const fixed = RULES.createOnly.find((keyword) => has(changes, keyword));
  if (fixed) return { status: STATUS.noSuchAttribute, comment: `${fixed} is set at creation only` };
  if (status === 'IN PROGRESS') return undefined;
  const rules = RULES.final.filter(({ only }) => only === undefined || only === status);
  return firstFault(rules, merged, changes);
}

export function isStepStatus(status: string | undefined): status is StepStatus {
  return STEP_STATUSES.includes(status as StepStatus);
}

/** @param given what came with this request: empty there is told from missing */
function firstFault(rules: readonly AttributeRule[], attributes: Dataset, given: Dataset): Reply | undefined {
  for (const rule of rules) {
    const fault = faultOf(rule, attributes);
    const comment = rule.path ? `${rule.keyword} in ${rule.path}` : rule.keyword;
    if (fault === 'empty' && has(given, rule.path ?? rule.keyword)) {
      return { status: STATUS.missingAttributeValue, comment: `${comment} is empty` };
    }
    if (fault) return { status: STATUS.missingAttribute, comment: `${comment} is missing` };
  }
  return undefined;
}

function faultOf({ keyword, path, type }: AttributeRule, ds: Dataset): 'missing' | 'empty' | undefined {
  if (path) {
    const faults = items(ds, path).map((item) => faultOf({ keyword, type }, item));
    return faults.find((fault) => fault !== undefined);
  }
  if (!has(ds, keyword)) return 'missing';
  if (type === 2) return undefined;
  const values = element(ds, keyword)?.Value ?? [];
  return values.some((value) => typeof value !== 'string' || value.trim() !== '') ? undefined : 'empty';
}
