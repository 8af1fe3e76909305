package pager

import (
	"context"
	"strings"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/notify"
)

// toldKey is where a group's entry in the notification log holds the fingerprints of the alerts that the receiver
// knows to be firing. The log is on disk, so this outlives a restart.
const toldKey = "belfry_told"

// news is what a notification adds to what its receiver knows.
type news struct {
	pages  []Page
	firing []string // fingerprints that the receiver knows to be firing once it has accepted
}

// newsOf compares a notification's alerts with what the receiver was told before. Upstream tells receivers of the
// whole group each time; a person at a terminal wants what has changed.
func newsOf(ctx context.Context, receiver string, alerts []*alert.Alert) news {
	reason, _ := notify.NotificationReason(ctx)
	repeat := reason == notify.ReasonRepeatIntervalElapsed
	before := toldFiring(ctx)

	var n news
	for _, a := range alerts {
		id := a.Fingerprint().String()
		known := before[id]
		switch {
		case a.Resolved():
			if known {
				n.pages = append(n.pages, newPage(a, receiver, false))
			}
			continue
		case !known:
			n.pages = append(n.pages, newPage(a, receiver, false))
		case repeat:
			n.pages = append(n.pages, newPage(a, receiver, true))
		}
		n.firing = append(n.firing, id)
	}
	unheard, _ := ctx.Value(unheardKey{}).([]string)
	n.firing = append(n.firing, unheard...)
	return n
}

// toldFiring returns the fingerprints of the alerts that the receiver knows to be firing.
func toldFiring(ctx context.Context) map[string]bool {
	all := map[string]bool{}
	if store, ok := notify.NflogStore(ctx); ok && store != nil {
		joined, _ := store.GetStr(toldKey)
		for _, id := range strings.Fields(joined) {
			all[id] = true
		}
	}
	return all
}

// told notes, for the log entry that upstream writes next, what the receiver knows now.
func (n news) told(ctx context.Context) {
	if store, ok := notify.NflogStore(ctx); ok && store != nil {
		store.SetStr(toldKey, strings.Join(n.firing, " "))
	}
}
