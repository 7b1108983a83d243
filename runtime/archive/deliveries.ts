import type { CommitmentResult, Delivery, DeliveryResult } from './archive.js';
import { type Dialect, rows, type Work, where } from './sql.js';

type DeliveryRow = Omit<Delivery, 'status'> & { status: number | null };

/** Status flags: what each destination node has of each instance. */
export class Deliveries {
  constructor(private readonly dialect: Dialect) {}

  *sent(node: string, results: readonly DeliveryResult[], at: number): Work<void> {
    for (const { sopInstanceUid, sent, status } of results) {
      yield* rows(
        `INSERT INTO delivery (sop_uid, node, sent, status, at) VALUES (:uid, :node, :sent, :status, :at)
         ON CONFLICT (sop_uid, node) DO UPDATE SET sent = excluded.sent, status = excluded.status, at = excluded.at`,
        { uid: sopInstanceUid, node, sent, status: status ?? null, at },
      );
    }
  }

  *committed(node: string, results: readonly CommitmentResult[]): Work<void> {
    for (const { sopInstanceUid, commitment, transactionUid, reason } of results) {
      yield* rows(
        `UPDATE delivery SET commitment = :commitment, transaction_uid = :transaction, reason = :reason
         WHERE sop_uid = :uid AND node = :node`,
        { uid: sopInstanceUid, node, commitment, transaction: transactionUid, reason },
      );
    }
  }

  *select(filter: { node?: string; sopInstanceUids?: readonly string[]; transactionUid?: string }): Work<Delivery[]> {
    const { node, sopInstanceUids: uids, transactionUid: transaction } = filter;
    const conditions = where(
      node !== undefined && 'node = :node',
      transaction !== undefined && 'transaction_uid = :transaction',
      uids !== undefined && `sop_uid IN (${this.dialect.list('uids')})`,
    );
    const found = yield* rows<DeliveryRow>(
      `SELECT sop_uid AS "sopInstanceUid", node, sent, status, at, commitment, transaction_uid AS "transactionUid", reason
       FROM delivery ${conditions} ORDER BY node, sop_uid`,
      { node: node ?? null, transaction: transaction ?? null, uids: uids ? JSON.stringify(uids) : null },
    );
    return found.map((delivery) => ({ ...delivery, status: delivery.status ?? undefined }));
  }
}
