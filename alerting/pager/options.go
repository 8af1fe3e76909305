package pager

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"

	"github.com/belfry-city/belfry/alerting/pager/failing"
	"github.com/belfry-city/belfry/alerting/pager/journal"
)

// TerminalReceiver is the name of the receiver whose pages go to Options.Deliver.
const TerminalReceiver = "belfry-terminal"

const (
	// retention is how long silences and the notification log are kept, as upstream's default.
	retention = 120 * time.Hour
	// alertGC and groupMaintenance are upstream's defaults.
	alertGC          = 30 * time.Minute
	groupMaintenance = 30 * time.Second
	// drainTime is how long a stop or a reload waits for notifications under way.
	drainTime = 5 * time.Second
	// attemptTime is how long a receiver may take to answer, if its own timeout is not shorter.
	attemptTime = 30 * time.Second
	// maxAttempts is to how many groups one integration is speaking at a time: when everything breaks at once, a
	// connection for each group would leave none for those who send readings.
	maxAttempts = 64
	// diskTime is how long a notification, or the answer about a silence, waits for the disk.
	diskTime = 5 * time.Second
)

// Options of a Pager. Logger, Registerer, Metrics and DataDir are required.
type Options struct {
	// ConfigFile is a configuration in Alertmanager's format; "" means the embedded default.
	ConfigFile string
	// DataDir is where silences and the notification log are kept; it is made if it is not there. One Pager at a
	// time may use it.
	DataDir string
	// ExternalURL is where people reach Belfry; templates link to it. Nil means http://localhost:9400.
	ExternalURL *url.URL
	// Language is "en" or "zh-CN": that of what receivers get, and of the summary that is logged with a page. "" means
	// "en".
	Language string
	// Zone is that of times in texts; nil means the machine's.
	Zone *time.Location
	// Logger gets Belfry's and upstream's log lines.
	Logger *slog.Logger
	// Registerer gets upstream's metrics; Stop takes them away again.
	Registerer prometheus.Registerer
	// Metrics gets ours, whose names begin with belfry_.
	Metrics *metrics.Set
	// Deliver, if set, shows the pages of the receiver belfry-terminal. It is called concurrently; an error makes
	// the pager try again, as with any receiver.
	Deliver func(context.Context, []Page) error
	// OnNotify, if set, is called after each notification that a receiver accepted. It is called concurrently and
	// must return quickly.
	OnNotify func(Notification)

	// Raise takes the alert that a receiver keeps failing, on its way to Send. Nil means Send.
	Raise func(...*notifier.Alert)
	// Failing are the alerts about receivers that were raised before a restart, and have not ended.
	Failing []failing.Raised
	// Posted, if set, is shown alerts that others post to the API before they are taken, all of which are critical or none
	// is, and returns as many, whose annotations they have from then on.
	Posted func([]*notifier.Alert) []*notifier.Alert
	// ExternalLabels are added to that alert.
	ExternalLabels labels.Labels

	// failingAfter replaces failing.Patience in tests.
	failingAfter time.Duration
	// failingDoubt replaces failing.Doubt in tests.
	failingDoubt time.Duration
	// disk replaces the machine's file system in tests.
	disk journal.Disk
}

// Notification is what a receiver accepted.
type Notification struct {
	Time        time.Time // when it was accepted
	Receiver    string    // name in the configuration
	Integration string    // such as webhook[0]
	GroupKey    string
	Reason      string // upstream's, such as "first notification"
	// Pages are the alerts that are news: they fire or are resolved since the group's notification before, or it is
	// time to repeat them. Receivers other than the terminal are told of the whole group each time.
	Pages []Page
}

func (o *Options) validate() error {
	var errs []error
	if o.Logger == nil {
		errs = append(errs, errors.New("pager: Options.Logger is required"))
	}
	if o.Registerer == nil {
		errs = append(errs, errors.New("pager: Options.Registerer is required"))
	}
	if o.Metrics == nil {
		errs = append(errs, errors.New("pager: Options.Metrics is required"))
	}
	if o.DataDir == "" {
		errs = append(errs, errors.New("pager: Options.DataDir is required"))
	}
	return errors.Join(errs...)
}

func (o *Options) setDefaults() {
	if o.ExternalURL == nil {
		o.ExternalURL = defaultURL()
	}
	if o.Zone == nil {
		o.Zone = time.Local
	}
	if o.Deliver == nil {
		o.Deliver = func(context.Context, []Page) error { return nil }
	}
	if o.OnNotify == nil {
		o.OnNotify = func(Notification) {}
	}
}

func (o *Options) speech() speech { return speech{o.Language, o.Zone} }

func defaultURL() *url.URL { return &url.URL{Scheme: "http", Host: "localhost:9400"} }
