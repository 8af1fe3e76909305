package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/config"
)

// Options say what is guarded.
type Options struct {
	// Listen is the address that requests come in on, host:port.
	Listen string
	// ExternalURL is the address under which people reach it; may be nil.
	ExternalURL *url.URL
	Auth        config.Auth
	Metrics     *metrics.Set
	Logger      *slog.Logger
}

// Guard lets requests in or refuses them. It is safe for concurrent use.
type Guard struct {
	origins  origins
	loopback bool
	now      atomic.Pointer[policy]
	refused  *metrics.Counter
	log      *complaints
}

// policy is what a reload replaces as a whole.
type policy struct {
	tokens   tokens
	insecure bool
}

// New makes a guard. An address beyond loopback without tokens is an error,
// unless it is said to be insecure.
func New(ctx context.Context, o Options) (*Guard, error) {
	g := &Guard{
		loopback: config.Loopback(ctx, o.Listen),
		origins:  newOrigins(o.Listen, o.ExternalURL),
		refused:  o.Metrics.GetOrCreateCounter(fmt.Sprintf(`belfry_refused_total{reason=%q}`, reading.ReasonUnauthorized)),
		log:      &complaints{logger: o.Logger, every: 10 * time.Second},
	}
	if err := g.Reload(o.Auth); err != nil {
		return nil, err
	}
	return g, nil
}

// Reload replaces the tokens from the next request on. On an error the old
// ones stay.
func (g *Guard) Reload(auth config.Auth) error {
	if !g.loopback && !auth.Insecure && len(auth.Tokens) == 0 {
		return errors.New("auth.tokens: want tokens on an address beyond loopback; got none")
	}
	g.now.Store(&policy{tokens: tokens(auth.Tokens), insecure: auth.Insecure})
	return nil
}

// Require lets requests through to h that may do what scope says.
func (g *Guard) Require(scope Scope, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refusal := g.now.Load().judge(g, r, scope)
		if refusal == nil {
			h.ServeHTTP(w, r)
			return
		}
		g.refused.Inc()
		g.log.add(r, refusal)
		refusal.answer(w, r)
	})
}

// judge returns nil when the request may pass.
func (p *policy) judge(g *Guard, r *http.Request, scope Scope) *refusal {
	switch {
	case p.insecure:
		return g.origins.judgeOrigin(r)
	case len(p.tokens) == 0:
		if refusal := g.origins.judgeHost(r); refusal != nil {
			return refusal
		}
		return g.origins.judgeOrigin(r)
	}
	secrets, basic := presented(r)
	if len(secrets) == 0 {
		return &refusal{http.StatusUnauthorized, fmt.Sprintf("this needs a token with scope %s", scope)}
	}
	var known *config.Token
	for _, secret := range secrets {
		t := p.tokens.find(secret)
		if t == nil {
			continue
		}
		known = t
		if allows(t, scope) {
			if basic {
				return g.origins.judgeOrigin(r)
			}
			return nil
		}
	}
	if known == nil {
		return &refusal{http.StatusUnauthorized, "the token is not known here"}
	}
	return &refusal{http.StatusForbidden, fmt.Sprintf("the token %q lacks scope %s", known.Name, scope)}
}
