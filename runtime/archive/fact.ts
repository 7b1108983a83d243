import type { Exam } from '../exam/exam.js';
import type { SeriesSummary } from '../objects/instance.js';

/** What happened, for network, film and media to act on. Facts are kept in the outbox until each of them has acted. */
export type Fact =
  | { type: 'exam.started'; exam: Exam }
  | { type: 'series.complete'; examId: string; series: SeriesSummary }
  | {
      type: 'exam.ended';
      exam: Exam;
      outcome: 'COMPLETED' | 'DISCONTINUED';
      reason: string;
      series: SeriesSummary[];
      dose: DoseSummary;
    }
  | { type: 'instance.stored'; sopInstanceUid: string; seriesInstanceUid: string; studyInstanceUid: string };

export interface DoseSummary {
  /** Exposures made, each with what MPPS and the dose report say of it. */
  exposures: {
    label: string;
    /** A topogram is reported without CTDIvol and DLP. */
    kind?: 'topogram' | 'ct';
    kv: number;
    mas: number;
    ma: number;
    seconds: number;
    ctdiVol: number;
    ctdiPhantom: 'HEAD' | 'BODY';
    dlp: number;
  }[];
  totalDlp: number;
}
