import {
  type DataFrame,
  type DataFrameJSON,
  type DataQueryResponse,
  isLiveChannelMessageEvent,
  LoadingState,
  parseLiveChannelAddress,
} from '@grafana/data';
import { type GrafanaLiveSrv } from '@grafana/runtime';
import { Observable, type Subscription } from 'rxjs';

/**
 * Answers that go on by Grafana Live, with the notices of what is pushed. Grafana hands on only the values of a frame
 * whose fields stay as they are, so that a panel would not say that it is not up to date.
 */
export function withNotices(
  answers: Observable<DataQueryResponse>,
  live?: GrafanaLiveSrv
): Observable<DataQueryResponse> {
  if (!live) {
    return answers;
  }
  return new Observable((subscriber) => {
    const newest = new Map<string, DataQueryResponse>();
    const watched = new Map<string, Subscription>();
    const watch = (key: string, channel: string) => {
      const address = parseLiveChannelAddress(channel);
      if (!address || watched.has(key)) {
        return;
      }
      watched.set(
        key,
        live.getStream<DataFrameJSON>(address).subscribe((event) => {
          const answer = newest.get(key);
          if (isLiveChannelMessageEvent(event) && event.message?.schema && answer && renew(answer, event.message)) {
            subscriber.next(marked({ ...answer, data: [...answer.data] }));
          }
        })
      );
    };
    const source = answers.subscribe({
      next: (answer) => {
        const channel = answer.data.map((frame: DataFrame) => frame.meta?.channel).find(Boolean);
        const key = answer.key ?? channel ?? '';
        newest.set(key, answer);
        subscriber.next(marked(answer));
        if (channel) {
          watch(key, channel);
        }
      },
      error: (error) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
    return () => {
      source.unsubscribe();
      watched.forEach((subscription) => subscription.unsubscribe());
    };
  });
}

/** An answer that is not up to date is an error, so that the panel has the mark of one; its values stay. */
function marked(answer: DataQueryResponse): DataQueryResponse {
  const [frame]: DataFrame[] = answer.data;
  const why = frame?.meta?.notices?.find(({ severity }) => severity === 'error');
  return why ? { ...answer, state: LoadingState.Error, errors: [{ message: why.text, refId: frame.refId }] } : answer;
}

/** Puts the notices of a pushed frame on the one that is shown; says whether they are others. */
function renew(answer: DataQueryResponse, pushed: DataFrameJSON): boolean {
  const frame: DataFrame | undefined = answer.data[0];
  const notices = pushed.schema?.meta?.notices ?? [];
  if (!frame || JSON.stringify(frame.meta?.notices ?? []) === JSON.stringify(notices)) {
    return false;
  }
  frame.meta = { ...frame.meta, notices };
  return true;
}
