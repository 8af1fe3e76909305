import { type DataFrame, type DataQueryRequest, StreamingFrameAction, type StreamingFrameOptions } from '@grafana/data';
import { type BelfryQuery } from '../types';

/** More rows than the backend answers with. */
const ALL_ROWS = 100_000;

/** How pushed frames go on from an answer: readings are added at the end, tables are replaced. */
export function streaming(request: DataQueryRequest<BelfryQuery>, frame: DataFrame): Partial<StreamingFrameOptions> {
  const query = request.targets.find((target) => target.refId === frame.refId);
  if (!query || (query.kind ?? 'metrics') !== 'metrics') {
    return { maxLength: ALL_ROWS, action: StreamingFrameAction.Replace };
  }
  return {
    maxLength: Math.max(request.maxDataPoints ?? 500, frame.length) * 2,
    maxDelta: request.range.to.valueOf() - request.range.from.valueOf(),
    action: StreamingFrameAction.Append,
  };
}
