import { readTable } from '../../hal/base/table.js';
import type { DoseSummary } from '../archive/fact.js';

type Exposure = DoseSummary['exposures'][number];

interface DoseForms {
  doseComment: string;
  topogramComment: string;
  dualTubeComment: string;
}

const FORMS: Readonly<DoseForms> = readTable(import.meta.url, '../dicom/tables/mpps.json');
/** Characters of an ST value: PS3.5 table 6.2-1. */
const MAX_COMMENT = 1024;

/** Comments on Radiation Dose: one line a scan, as many whole lines as fit. */
export function doseComments(exposures: readonly Exposure[]): string {
  const lines = exposures.map(doseComment);
  const text = lines.join('\r\n');
  if (text.length <= MAX_COMMENT) return text;
  const kept: string[] = [];
  const rest = () => `and ${lines.length - kept.length} more scans`;
  for (const line of lines) {
    if ([...kept, line, rest()].join('\r\n').length > MAX_COMMENT) break;
    kept.push(line);
  }
  return [...kept, rest()].join('\r\n');
}

/** As the statement's footnote to Table 67 writes it: a topogram without CTDIvol and DLP. */
function doseComment(exposure: Exposure): string {
  const rounded: Record<string, string | number> = {
    label: exposure.label,
    kv: Math.round(exposure.kv),
    kvB: Math.round(exposure.kvB ?? 0),
    mas: Number(exposure.mas.toFixed(1)),
    ctdiVol: Number(exposure.ctdiVol.toFixed(2)),
    dlp: Number(exposure.dlp.toFixed(1)),
  };
  return formOf(exposure).replace(/\{(\w+)\}/g, (_whole, name: string) => String(rounded[name]));
}

function formOf({ kind, kvB }: Exposure): string {
  if (kind === 'topogram') return FORMS.topogramComment;
  return kvB === undefined ? FORMS.doseComment : FORMS.dualTubeComment;
}
