package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/belfry-city/belfry/internal/config"
)

// Scope is what a token allows; see config.Scope.
type Scope = config.Scope

// The scopes. Admin includes the others.
const (
	Write = config.ScopeWrite
	Read  = config.ScopeRead
	Admin = config.ScopeAdmin
)

// tokenPrefix begins every token, so that people and scanners for leaked
// secrets recognise one.
const tokenPrefix = "bf_"

// NewToken makes a secret of 256 random bits, and the hash by which the
// configuration knows it.
func NewToken() (secret string, hash [32]byte) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	secret = tokenPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	return secret, Hash(secret)
}

// Hash is the SHA-256 of secret. A plain hash is enough, because a token is
// random: there is nothing to guess that a slow hash would protect.
func Hash(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }

// tokens is a set of tokens; it never changes.
type tokens []config.Token

// find returns the token of secret. It takes the same time for every secret.
func (ts tokens) find(secret string) *config.Token {
	return ts.byHash(Hash(secret))
}

func (ts tokens) byHash(hash [32]byte) *config.Token {
	var found *config.Token
	for i := range ts {
		if subtle.ConstantTimeCompare(hash[:], ts[i].Hash[:]) == 1 {
			found = &ts[i]
		}
	}
	return found
}

func allows(t *config.Token, scope Scope) bool {
	for _, s := range t.Scopes {
		if s == scope || s == Admin {
			return true
		}
	}
	return false
}

// Cameras and other devices post to an address that people have entered, and
// often send nothing besides: there the token may stand in the address.
const (
	devicePath = "/api/belfry/v1/in/"
	// TokenParameter is the name of the token in the address.
	TokenParameter = "token"
)

// presented returns what the request offers as a token, at most one from its
// header and one from its URL. basic says that the first came as a password,
// which browsers send by themselves.
func presented(r *http.Request) (secrets []string, basic bool) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, rest, _ := strings.Cut(header, " ")
		rest = strings.TrimSpace(rest)
		switch {
		case strings.EqualFold(scheme, "Bearer"):
			secrets = append(secrets, rest)
		case strings.EqualFold(scheme, "Token"):
			secrets = append(secrets, rest[strings.LastIndexByte(rest, ':')+1:])
		case strings.EqualFold(scheme, "Basic"):
			user, password, ok := r.BasicAuth()
			if password == "" {
				password = user
			}
			if ok {
				secrets, basic = append(secrets, password), true
			}
		}
	}
	if isInflux1(r.URL.Path) && r.URL.RawQuery != "" {
		if p := r.URL.Query().Get("p"); p != "" {
			secrets = append(secrets, p)
		}
	}
	if strings.HasPrefix(r.URL.Path, devicePath) && r.URL.RawQuery != "" {
		if t := r.URL.Query().Get(TokenParameter); t != "" {
			secrets = append(secrets, t)
		}
	}
	return secrets, basic
}
