import { type DataFrame, type DataQueryResponse, LiveChannelEventType, LoadingState } from '@grafana/data';
import { type GrafanaLiveSrv } from '@grafana/runtime';
import { Subject } from 'rxjs';
import { withNotices } from './notices';

const notice = { severity: 'error', text: 'This is not up to date' };

function panel() {
  const answers = new Subject<DataQueryResponse>();
  const pushed = new Subject<unknown>();
  const live = { getStream: jest.fn(() => pushed) } as unknown as GrafanaLiveSrv;
  const shown: unknown[] = [];
  const subscription = withNotices(answers, live).subscribe(({ state, errors }) =>
    shown.push([state, ...(errors ?? []).map(({ message }) => message)])
  );
  const push = (schema?: object) => pushed.next({ type: LiveChannelEventType.Message, message: { schema, data: {} } });
  const frame: DataFrame = { fields: [], length: 0, meta: { channel: 'ds/belfry/x' } };
  return { answers, pushed, live, shown, subscription, push, frame };
}

describe('live panels', () => {
  it('say that they are not up to date, and that they are again', () => {
    const { answers, shown, push, frame } = panel();
    const streaming = { key: 'a', state: LoadingState.Streaming, data: [frame] };
    answers.next(streaming);
    push({ meta: { notices: [notice] }, fields: [] });
    answers.next(streaming);
    push();
    push({ meta: { notices: [notice] }, fields: [] });
    push({ fields: [] });
    const bad = [LoadingState.Error, notice.text];
    expect(shown).toEqual([[LoadingState.Streaming], bad, bad, [LoadingState.Streaming]]);
  });

  it('listen once, and no longer than the panel does', () => {
    const { answers, live, pushed, subscription, frame } = panel();
    answers.next({ key: 'a', data: [frame] });
    answers.next({ key: 'a', data: [frame] });
    expect(live.getStream).toHaveBeenCalledTimes(1);
    expect(pushed.observed).toBe(true);
    subscription.unsubscribe();
    expect(pushed.observed).toBe(false);
  });

  it('are as they were where nothing is live', () => {
    const { answers, live, shown } = panel();
    answers.next({ data: [{ fields: [], length: 0 }] });
    expect(shown).toEqual([[undefined]]);
    expect(live.getStream).not.toHaveBeenCalled();
  });
});
