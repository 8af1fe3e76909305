package mqtt

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
)

// Name is the input's name in metrics.
const Name = "mqtt"

// Queue is the way to the disk: see intake.Queue.
type Queue interface {
	Submit(ctx context.Context, m *input.Message, d input.Decoder, done func(intake.Result, error)) error
}

// Refuser counts and keeps what never became a message: see intake.Intake.
type Refuser interface {
	Refuse(from intake.Source, r reading.Refusal)
}

// Door knows who may come in.
type Door interface {
	// Enter returns false when user and secret do not belong together.
	Enter(user, secret string) (Rights, bool)
}

// Rights are those of one client. They are asked for each message, so that what
// a reload takes away is gone at once.
type Rights interface {
	MayPublish() bool
	MaySubscribe() bool
}

// BrokerOptions are those of a Broker; all but ConnectTime are required.
type BrokerOptions struct {
	// Listener brings connections, with TLS or without. The Broker closes it.
	Listener net.Listener
	Queue    Queue
	Refuser  Refuser
	Door     Door
	Topics   Topics
	// MaxPacket is the size in bytes of the largest packet that is taken.
	MaxPacket int
	// MaxConnections is how many clients may be connected at a time.
	MaxConnections int
	// Memory is how many bytes are kept for subscribers that are slow or away,
	// all together, and also for retained messages.
	Memory int64
	// ConnectTime is in which a client must have said who it is; 0 stands for ten
	// seconds.
	ConnectTime time.Duration
	Logger      *slog.Logger
	Metrics     *metrics.Set
}
