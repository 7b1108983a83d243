import type { Database, Statement } from 'better-sqlite3';
import type { CommitmentResult, Delivery, DeliveryResult } from './archive.js';

type Parameters = Record<string, string | number | null>;
type DeliveryRow = Omit<Delivery, 'status'> & { status: number | null };

/** Status flags: what each destination node has of each instance. Writing methods belong inside a transaction. */
export class Deliveries {
  readonly #sent: Statement<Parameters>;
  readonly #committed: Statement<Parameters>;
  readonly #select: Statement<Parameters, DeliveryRow>;

  constructor(db: Database) {
    this.#sent = db.prepare(`
      INSERT INTO delivery (sop_uid, node, sent, status, at) VALUES (:sopInstanceUid, :node, :sent, :status, :at)
      ON CONFLICT (sop_uid, node) DO UPDATE SET sent = excluded.sent, status = excluded.status, at = excluded.at`);
    this.#committed = db.prepare(`
      UPDATE delivery SET commitment = :commitment, transaction_uid = :transactionUid, reason = :reason
      WHERE sop_uid = :sopInstanceUid AND node = :node`);
    this.#select = db.prepare(`
      SELECT sop_uid AS sopInstanceUid, node, sent, status, at, commitment, transaction_uid AS transactionUid, reason FROM delivery
      WHERE (:node IS NULL OR node = :node) AND (:transaction IS NULL OR transaction_uid = :transaction)
        AND (:uids IS NULL OR sop_uid IN (SELECT value FROM json_each(:uids)))
      ORDER BY node, sop_uid`);
  }

  sent(node: string, results: readonly DeliveryResult[], at: number): void {
    for (const { sopInstanceUid, sent, status } of results) {
      this.#sent.run({ sopInstanceUid, node, sent, status: status ?? null, at });
    }
  }

  committed(node: string, results: readonly CommitmentResult[]): void {
    for (const result of results) this.#committed.run({ ...result, node });
  }

  select(filter: { node?: string; sopInstanceUids?: readonly string[]; transactionUid?: string }): Delivery[] {
    const { node, sopInstanceUids, transactionUid } = filter;
    return this.#select
      .all({
        node: node ?? null,
        transaction: transactionUid ?? null,
        uids: sopInstanceUids ? JSON.stringify(sopInstanceUids) : null,
      })
      .map((row) => ({ ...row, status: row.status ?? undefined }));
  }
}
