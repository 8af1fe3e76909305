import { type DataQueryRequest, SupplementaryQueryType } from '@grafana/data';
import { type BelfryQuery } from '../types';

/** The bars above the logs of Explore: how many events there were over time, by severity. */
export function logsVolume(type: SupplementaryQueryType, query: BelfryQuery): BelfryQuery | undefined {
  if (type !== SupplementaryQueryType.LogsVolume || query.kind !== 'events' || query.hide) {
    return undefined;
  }
  return { ...query, refId: `log-volume-${query.refId}`, live: false, events: { ...query.events, show: 'volume' } };
}

export function logsVolumeRequest(
  type: SupplementaryQueryType,
  request: DataQueryRequest<BelfryQuery>
): DataQueryRequest<BelfryQuery> | undefined {
  const targets = request.targets.flatMap((query) => logsVolume(type, query) ?? []);
  return targets.length > 0 ? { ...request, targets } : undefined;
}
