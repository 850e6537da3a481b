/** Some seeds. */
export interface Range {
  /** The first. */
  readonly from: number;
  /** How many. */
  readonly count: number;
}

/** What has come of some seeds. */
export interface Slice extends Range {
  /** Under which runtime. */
  readonly runtime: string;
  /** Milliseconds of CPU. */
  readonly cpu: number;
  readonly coverage: Readonly<Record<string, { readonly hits: number; readonly of: number }>>;
  /** Those with anomalies. */
  readonly failed: readonly { readonly seed: number; readonly runtime: string }[];
  /** What else was wrong. */
  readonly problems: readonly string[];
}

export function commitOf(root: string): { readonly commit: string; readonly isChanged: boolean };

export class Progress {
  constructor(root: string, file: string | undefined);
  read(from: number, seeds: number): Slice[];
  add(slice: Slice): void;
}

export function slicesOf(from: number, seeds: number, size: number, done?: readonly Range[]): Range[];
