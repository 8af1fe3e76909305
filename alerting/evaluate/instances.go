package evaluate

import (
	"fmt"
	"time"

	"github.com/prometheus/prometheus/rules"
)

// resolvedRetention is how long a resolved alert is told of, as upstream does.
const resolvedRetention = 15 * time.Minute

// instances are the alerts of one part of a rule, by the hash of their labels:
// what upstream's AlertingRule keeps for a whole rule. The steps are upstream's
// (rules/alerting.go), and compared with it by the tests.
type instances map[uint64]*rules.Alert

// step takes over the result of the rule's expression, for one part, at an
// instant. limit is the group's; 0 is none. Alerts in unheard stay as they are
// where the result does not have them. again says that the next step will
// change something whatever the result is then.
func (all instances) step(
	now time.Time, result instances, unheard map[uint64]bool, hold, keep time.Duration, limit int,
) (again bool, _ error) {
	for hash, found := range result {
		if known, ok := all[hash]; ok && known.State != rules.StateInactive {
			known.Value, known.Annotations = found.Value, found.Annotations
			continue
		}
		all[hash] = found
	}
	active := 0
	for hash, a := range all {
		if _, ok := result[hash]; ok {
			a.KeepFiringSince = time.Time{}
		} else if unheard[hash] {
			active++
			continue
		} else if all.end(hash, a, now, keep) {
			continue
		}
		active++
		advance(a, now, hold)
		// It was kept firing, and waits again because the rule's `for` has become
		// longer.
		again = again || a.State == rules.StatePending && result[hash] == nil
	}
	if limit > 0 && active > limit {
		clear(all)
		return false, fmt.Errorf("exceeded limit of %d with %d alerts", limit, active)
	}
	return again, nil
}

// fingerprint tells whether anything of the alerts differs that a restart has to
// find again.
func (all instances) fingerprint() (sum uint64) {
	for hash, a := range all {
		n := hash ^ uint64(a.State)
		for _, t := range []time.Time{a.ActiveAt, a.FiredAt, a.ResolvedAt, a.LastSentAt, a.KeepFiringSince} {
			n = n*31 + uint64(t.UnixNano())
		}
		sum += n
	}
	return sum
}

// end deals with an alert whose condition does not hold any more, and says
// whether it is over.
func (all instances) end(hash uint64, a *rules.Alert, now time.Time, keep time.Duration) bool {
	if a.State == rules.StateFiring && keep > 0 {
		if a.KeepFiringSince.IsZero() {
			a.KeepFiringSince = now
		}
		if now.Sub(a.KeepFiringSince) < keep {
			return false
		}
	}
	if a.State == rules.StatePending || !a.ResolvedAt.IsZero() && now.Sub(a.ResolvedAt) > resolvedRetention {
		delete(all, hash)
	}
	if a.State != rules.StateInactive {
		a.State, a.ResolvedAt = rules.StateInactive, now
	}
	return true
}

// advance lets an alert fire that has waited long enough, or wait again where
// the rule's `for` has become longer.
func advance(a *rules.Alert, now time.Time, hold time.Duration) {
	waited := now.Sub(a.ActiveAt)
	switch {
	case a.State == rules.StatePending && waited >= hold:
		a.State, a.FiredAt = rules.StateFiring, now
	case a.State == rules.StateFiring && waited < hold:
		a.State, a.FiredAt, a.LastSentAt, a.KeepFiringSince = rules.StatePending, time.Time{}, time.Time{}, time.Time{}
	}
}

// due is when an alert changes by itself; zero: it does not.
func due(a *rules.Alert, hold, keep time.Duration) time.Time {
	switch {
	case a.State == rules.StatePending:
		return a.ActiveAt.Add(hold)
	case a.State == rules.StateFiring && !a.KeepFiringSince.IsZero():
		return a.KeepFiringSince.Add(keep)
	}
	return time.Time{}
}

// needsSending is upstream's.
func needsSending(a *rules.Alert, now time.Time) bool {
	if a.State == rules.StatePending {
		return false
	}
	return a.ResolvedAt.After(a.LastSentAt) || a.LastSentAt.Add(resendDelay).Before(now)
}

// send returns the alerts that Alertmanager is to be told of now.
func (all instances) send(now time.Time, interval time.Duration) (out []*rules.Alert) {
	for _, a := range all {
		if !needsSending(a, now) {
			continue
		}
		a.LastSentAt = now
		a.ValidUntil = now.Add(4 * max(interval, resendDelay))
		told := *a
		out = append(out, &told)
	}
	return out
}
