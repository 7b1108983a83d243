import type { Exam, Supply } from '../exam/exam.js';
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
  /** A node has committed to keep these instances, and says under which AE title they may be retrieved. */
  | { type: 'instances.committed'; node: string; retrieveAeTitle: string; sopInstanceUids: string[] }
  /** Films that an examination had printed: what the performed procedure step reports as consumed. */
  | { type: 'film.printed'; examId: string; films: FilmUse }
  /** What the user wants of a performed procedure step. */
  | { type: 'mpps.order'; examId: string; order: 'send' | 'complete' | 'discontinue'; changes: StepChanges }
  /** What a node said of instances that it was asked to commit to; failed when it failed for one, or said nothing in time. */
  | {
      type: 'commitment.completed' | 'commitment.failed';
      node: string;
      transactionUid: string;
      sopInstanceUids: { committed: string[]; failed: string[] };
    }
  | { type: 'instance.stored'; sopInstanceUid: string; seriesInstanceUid: string; studyInstanceUid: string };

export interface FilmUse {
  count: number;
  /** Defined terms of (2000,0030) and (2010,0050). */
  mediumType: string;
  filmSizeId: string;
}

/** What the user enters of a performed procedure step, over what worklist and examination said. */
export interface StepChanges {
  description?: string;
  /** What was done is not what was requested: the procedure code goes out empty. */
  procedureChanged?: boolean;
  /** In addition to those of the examination. */
  supplies?: Supply[];
  /** Key of a reason in the code table, with DISCONTINUED. */
  reason?: string;
  comment?: string;
}

export interface DoseSummary {
  /** Exposures made, each with what MPPS and the dose report say of it. */
  exposures: {
    label: string;
    /** A topogram is reported without CTDIvol and DLP. */
    kind?: 'topogram' | 'ct';
    kv: number;
    /** Of the second tube, where both radiated. */
    kvB?: number;
    mas: number;
    ma: number;
    seconds: number;
    ctdiVol: number;
    ctdiPhantom: 'HEAD' | 'BODY';
    dlp: number;
  }[];
  totalDlp: number;
}
