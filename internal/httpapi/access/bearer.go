package access

import (
	"crypto/sha256"
	"sync/atomic"

	"github.com/belfry-city/belfry/internal/config"
)

// Bearer is somebody who has shown a token by other means than HTTP, for as long
// as a connection lasts. It is safe for concurrent use.
type Bearer struct {
	guard *Guard
	name  string
	hash  [sha256.Size]byte
	known atomic.Pointer[standing]
}

// standing is what a bearer is under one policy.
type standing struct {
	policy *policy
	token  *config.Token // may be nil
}

// Enter lets in who shows the name and the secret of a token, and everybody
// where no tokens are demanded. What the bearer may do is asked for when it is
// done.
func (g *Guard) Enter(name, secret string) (*Bearer, bool) {
	b := &Bearer{guard: g, name: name, hash: Hash(secret)}
	now := b.standing()
	return b, now.policy.open() || now.token != nil
}

// May says whether the bearer has the scope, by the tokens of this moment.
func (b *Bearer) May(scope Scope) bool {
	now := b.standing()
	return now.policy.open() || now.token != nil && allows(now.token, scope)
}

// standing is found again after each reload.
func (b *Bearer) standing() *standing {
	p := b.guard.now.Load()
	if s := b.known.Load(); s != nil && s.policy == p {
		return s
	}
	s := &standing{policy: p, token: p.tokens.byHash(b.hash)}
	if s.token != nil && s.token.Name != b.name {
		s.token = nil
	}
	b.known.Store(s)
	return s
}

// open says whether no token is demanded.
func (p *policy) open() bool { return p.insecure || len(p.tokens) == 0 }
